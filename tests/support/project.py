"""A Pulumi project in a folder of its own, driven by the real CLI through the program in `infra/`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.support import environments, processes
from trainup.jobs.local.workspace import Workspace
from trainup.toolchain import backends, checkpoints, locks

REPOSITORY = environments.REPOSITORY
ROOMS = REPOSITORY / "src" / "trainup"
STACK = "test"
UNATTENDED = ("--non-interactive", "--color", "never")


def toolchain_environment() -> dict[str, str]:
    """What `make env` would export, as a mapping."""
    command = [sys.executable, "-m", "trainup.toolchain", "run", "env", "-0"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


@dataclass(frozen=True)
class Step:
    """One resource of an operation, as the engine reported it."""

    op: str
    type: str
    name: str
    diffs: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """A finished CLI command."""

    code: int
    text: str
    """What the CLI showed; of lines that come at once it shows but some."""
    steps: tuple[Step, ...]
    said: tuple[str, ...] = ()
    """Every line that resources of ours said of themselves."""

    def ops(self, kind: str = "Run") -> dict[str, str]:
        """Run → operation, or resource name → operation for another kind of ours."""
        return {step.name: step.op for step in self.steps if step.type == f"trainup:index:{kind}"}

    def diffs(self, name: str) -> tuple[str, ...]:
        """What differed on the resource of this name."""
        return next((step.diffs for step in self.steps if step.name == name and step.diffs), ())

    @property
    def is_empty(self) -> bool:
        """Whether nothing was to be done."""
        return self.code == 0 and {step.op for step in self.steps} <= {"same", "refresh", "read"}


class Running:
    """A CLI command under way, in a process group of its own as in a shell."""

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str], events: Path) -> None:
        self._events = events
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._done = False
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._done = True
            self._changed.notify_all()

    def wait_for(self, text: str, seconds: float = 120) -> None:
        """Until a line with this text was printed."""
        seen = lambda: any(text in line for line in self._lines)  # noqa: E731
        with self._changed:
            self._changed.wait_for(lambda: seen() or self._done, seconds)
            assert seen(), f"{text!r} was not printed:\n{''.join(self._lines)}"

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def signal_group(self, number: signal.Signals) -> None:
        """To the CLI and all that it started in its group: a terminal that closes, a job that ran out of time."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """kill -9 of the CLI alone."""
        self.process.kill()

    def finish(self, seconds: float = 550) -> Result:
        """Wait for the end."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        self._reader.join(30)
        events = _read(self._events)
        return Result(code, "".join(self._lines), _steps(events), _said(events))


class Project:
    """Pulumi.yaml, a stack file written from a mapping, sources, and a backend."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        infra: Path = REPOSITORY / "infra",
        stack: str = STACK,
        shares: bool = True,
    ) -> None:
        """`shares`: its MLflow server uses the environment that the tests have in common."""
        self.folder, self.stack, self._shares = folder, stack, shares
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "backend").mkdir(exist_ok=True)
        wanted = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())
        wanted["plugins"]["providers"][0]["path"] = str(ROOMS / "provider")
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(wanted, sort_keys=False))
        # No link: the plugin finds Pulumi.yaml above its working directory, which is the program's.
        shutil.copytree(infra, folder / "infra", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        self.environment = {
            **environment,
            "PULUMI_BACKEND_URL": (folder / "backend").as_uri(),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_STACK": stack,
            "PULUMI_DEBUG_COMMANDS": "1",  # shows --event-log
        }
        self.environment.pop("PULUMI_ACCESS_TOKEN", None)

    @property
    def workspace(self) -> Workspace:
        """The stack's own, unless its configuration says otherwise."""
        return Workspace(self.folder / ".trainup" / self.stack, self.folder)

    def configure(self, *, tracking: str = "none", **sections: Any) -> None:
        """Write the stack's configuration; `tracking` is off unless asked for, for it takes seconds."""
        if tracking == "server" and self._shares:
            environments.share(self.workspace)
        path = self.folder / f"Pulumi.{self.stack}.yaml"
        kept = yaml.safe_load(path.read_text()) if path.exists() else {}
        sections = {"workspace": {"tracking": tracking}, **sections}
        kept["config"] = {f"trainup:{key}": value for key, value in sections.items()}
        path.write_text(yaml.safe_dump(kept, sort_keys=False))
        if not list((self.folder / "backend").rglob(f"{self.stack}.json")):
            self.pulumi("stack", "init", "--no-select", self.stack)

    def edit(self, **sections: Any) -> None:
        """Put sections in the place of those in the stack's configuration; None takes one out."""
        path = self.folder / f"Pulumi.{self.stack}.yaml"
        kept = yaml.safe_load(path.read_text())
        for key, value in sections.items():
            kept["config"].pop(f"trainup:{key}", None)
            if value is not None:
                kept["config"][f"trainup:{key}"] = value
        path.write_text(yaml.safe_dump(kept, sort_keys=False))

    def script(self, text: str, source: str = "code", name: str = "main.py") -> None:
        """Write a source file."""
        file = self.folder / source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def pulumi(self, *arguments: str) -> str:
        """A command that has to succeed; its standard output."""
        done = subprocess.run(
            ["pulumi", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, operation: str, *arguments: str) -> Running:
        """Begin an operation."""
        events = self.folder / f"events-{uuid.uuid4().hex}.json"
        words = ["pulumi", operation, *arguments, *UNATTENDED, "--event-log", str(events)]
        if operation != "preview":
            words.append("--yes")
        if operation == "destroy" or (operation != "preview" and "--expect-no-changes" in arguments):
            words.append("--skip-preview")  # half of the time; it would show no more than what follows
        return Running(words, self.folder, self.environment, events)

    def run(self, operation: str, *arguments: str) -> Result:
        """An operation from start to end."""
        return self.start(operation, *arguments).finish()

    def up(self, *arguments: str) -> Result:
        return self.run("up", *arguments)

    def preview(self, *arguments: str) -> Result:
        return self.run("preview", "--diff", *arguments)

    def refresh(self, *arguments: str) -> Result:
        return self.run("refresh", *arguments)

    def destroy(self, *arguments: str) -> Result:
        return self.run("destroy", *arguments)

    def unlock(self, *, mend: bool = True) -> None:
        """What `make up` does first: clear the lock of a dead command, and mend what that has left."""
        place = backends.locate(self.environment["PULUMI_BACKEND_URL"], "trainup", self.stack)
        assert place
        locks.clear(place)
        if mend:
            checkpoints.mend(place)

    def state(self) -> dict[str, Any]:
        """The stack's exported state."""
        return dict(json.loads(self.pulumi("stack", "export"))["deployment"])

    def resource(self, name: str) -> dict[str, Any]:
        """One `Run` in state."""
        return next(
            resource
            for resource in self.state()["resources"]
            if resource["type"] == "trainup:index:Run" and resource["urn"].endswith(f"::{name}-job")
        )

    def sweep(self, name: str) -> dict[str, Any]:
        """One `Sweep` in state."""
        return next(
            resource
            for resource in self.state()["resources"]
            if resource["type"] == "trainup:index:Sweep" and resource["urn"].endswith(f"::{name}-job")
        )

    def runs(self) -> dict[str, Any]:
        """The runs in the stack's configuration."""
        path = self.folder / f"Pulumi.{self.stack}.yaml"
        return dict(yaml.safe_load(path.read_text())["config"]["trainup:runs"])

    def output(self) -> dict[str, Any]:
        """What `make output` prints."""
        return dict(json.loads(self.trainup("output")))

    def trainup(self, *words: str) -> str:
        """A command of ours about the stack, which has to succeed; its standard output."""
        command = [sys.executable, "-m", "trainup.cli", *words, "--stack", self.stack]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def records(self) -> list[Path]:
        """Folder of every run the workspace knows."""
        return sorted((self.folder / ".trainup" / self.stack / "runs").glob("*/run.json"))

    def left_running(self) -> list[psutil.Process]:
        """The processes of this folder that do not end by themselves in a while."""
        return processes.left(self.folder)


def _read(events: Path) -> list[dict[str, Any]]:
    """The events so far; a CLI that was killed may have left half of one."""
    lines = events.read_text().splitlines(keepends=True) if events.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _steps(events: list[dict[str, Any]]) -> tuple[Step, ...]:
    steps = []
    for event in events:
        metadata = event.get("resourcePreEvent", {}).get("metadata")
        if metadata:
            urn = metadata["urn"]
            detailed = tuple(metadata.get("detailedDiff") or metadata.get("diffs") or ())
            name = urn.rsplit("::", 1)[1].removesuffix("-job")
            steps.append(Step(metadata["op"], metadata["type"], name, detailed))
    return tuple(steps)


def _said(events: list[dict[str, Any]]) -> tuple[str, ...]:
    told = [event.get("diagnosticEvent", {}) for event in events]
    ours = [item["message"] for item in told if item.get("severity") == "info" and "trainup:" in item.get("urn", "")]
    return tuple(line for message in ours for line in message.splitlines())
