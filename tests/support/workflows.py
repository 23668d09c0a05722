"""The commands of a workflow of GitHub Actions, run as GitHub's runner runs them. Actions (`uses`) are passed over."""

import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.support import processes
from trainup.toolchain.paths import BIN, SHIM, VENV

TRACKED = "RUNNER_TRACKING_ID"
"""Marks whatever a job has started, so that it ends with the job."""
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\d+|\|\||&&|==|!=|>|<|!|[\w.-]+\(\)|[\w.-]+)")


@dataclass
class Done:
    """A step that was run."""

    name: str
    code: int
    text: str


@dataclass
class Attempt:
    """One run of a workflow's only job, under way."""

    workflow: Path
    folder: Path
    """The checkout."""

    environment: Mapping[str, str]
    """What the runner's machine has."""

    context: Mapping[str, Any]
    """`vars`, `inputs` and `github`, as far as the file asks for them."""

    done: list[Done] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._status = "success"
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def text(self) -> str:
        """All that was printed."""
        return "".join(self._lines)

    def wait_for(self, text: str, seconds: float = 300) -> None:
        """Until a line with this text was printed."""
        seen = lambda: any(text in line for line in self._lines)  # noqa: E731
        with self._changed:
            self._changed.wait_for(lambda: seen() or not self._thread.is_alive(), seconds)
            assert seen(), f"{text!r} was not printed:\n{self.text}"

    def signal(self, number: int) -> None:
        """To the first process of the step, as GitHub's signals go."""
        assert self._process
        self._process.send_signal(number)

    def cut_off(self) -> None:
        """The machine is lost: all that runs there stops at once, and none of it goes on."""
        self._status = "cancelled"
        stopped: set[psutil.Process] = set()
        while found := self._marked() - stopped:  # again, for what was started meanwhile
            for process in found:
                with suppress(psutil.Error):
                    process.suspend()
            stopped |= found
        processes.kill(stopped)
        self._thread.join()

    def finish(self) -> dict[str, int]:
        """Step → exit code, once the job is over."""
        self._thread.join()
        return {step.name: step.code for step in self.done}

    def _run(self) -> None:
        (job,) = yaml.safe_load(self.workflow.read_text())["jobs"].values()
        temporary = self.folder.parent / f"runner-{self._mark}"
        temporary.mkdir()
        own = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ENV": str(temporary / "env"),
            "GITHUB_STEP_SUMMARY": str(temporary / "summary"),
            "RUNNER_TEMP": str(temporary),
            TRACKED: self._mark,
        }
        (temporary / "env").touch()
        try:
            for step in job["steps"]:
                if "run" not in step or not self._is_due(step.get("if")):
                    continue
                added = dict(line.split("=", 1) for line in (temporary / "env").read_text().splitlines())
                given = {name: self._filled(str(value)) for name, value in (job["env"] | step.get("env", {})).items()}
                self._step(step["name"], self._filled(step["run"]), {**self.environment, **own, **given, **added})
        finally:
            processes.kill(self._marked())
            with self._changed:
                self._changed.notify_all()

    def _step(self, name: str, script: str, environment: Mapping[str, str]) -> None:
        file = Path(environment["RUNNER_TEMP"]) / f"{len(self.done)}.sh"
        file.write_text(script)
        before = len(self._lines)
        with subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=self.folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as self._process:
            assert self._process.stdout
            for line in self._process.stdout:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        code = self._process.returncode
        self.done.append(Done(name, code, "".join(self._lines[before:])))
        if code and self._status == "success":
            self._status = "failure"

    def _marked(self) -> set[psutil.Process]:
        """What the job has started and what still runs."""
        found = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(TRACKED) == self._mark:
                    found.add(process)
        return found

    def _is_due(self, condition: str | None) -> bool:
        if condition is None:
            return self._status == "success"
        expression = condition.strip().removeprefix("${{").removesuffix("}}")
        asks = any(f"{name}()" in expression for name in ("always", "cancelled", "failure", "success"))
        return (asks or self._status == "success") and bool(self._value(expression))

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(self._value(match[1])), text)

    def _value(self, expression: str) -> Any:
        """The value of an expression; of the language, as much as is used here."""
        tokens = [match[1] for match in _TOKEN.finditer(expression)]
        assert "".join(tokens) == re.sub(r"\s", "", expression), f"what does {expression!r} mean?"
        return self._either(tokens)

    def _either(self, tokens: list[str]) -> Any:
        value = self._both(tokens)
        while tokens and tokens[0] == "||":
            tokens.pop(0)
            other = self._both(tokens)
            value = value or other
        assert not tokens, f"what does {tokens} mean?"
        return value

    def _both(self, tokens: list[str]) -> Any:
        value = self._compared(tokens)
        while tokens and tokens[0] == "&&":
            tokens.pop(0)
            other = self._compared(tokens)
            value = value and other
        return value

    def _compared(self, tokens: list[str]) -> Any:
        left = self._single(tokens)
        if not tokens or tokens[0] not in ("==", "!=", ">", "<"):
            return left
        sign, right = tokens.pop(0), self._single(tokens)
        if sign in ("==", "!="):
            return (left == right) is (sign == "==")
        return float(left) > float(right) if sign == ">" else float(left) < float(right)

    def _single(self, tokens: list[str]) -> Any:
        token = tokens.pop(0)
        if token == "!":
            return not self._single(tokens)
        if token.startswith("'"):
            return token[1:-1]
        if token.isdigit():
            return int(token)
        if token.endswith("()"):
            return token == "always()" or self._status == token.removesuffix("()")
        value: Any = self.context
        for part in token.split("."):
            value = (value or {}).get(part)
        return "" if value is None else value


def bare(environment: Mapping[str, str], *names: str) -> dict[str, str]:
    """The environment, or some of it, without the tools of this repository but uv: as a checkout finds it.

    Nor does it hold what a `make` around the tests was given: MAKEFLAGS would hand its ARGS to every `make` below.
    """
    own = {str(VENV / "bin"), str(BIN), str(SHIM)}
    path = [part for part in environment["PATH"].split(os.pathsep) if part not in own]
    outer = ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS", "ARGS", "STACK", "SEED")
    inherited = {name: value for name, value in environment.items() if name not in outer}
    made = {**inherited, "PATH": os.pathsep.join(path), "PYTHON": sys.executable}
    return {name: made[name] for name in names} if names else made


def checked_out(repository: Path, folder: Path) -> Path:
    """What a checkout of the repository has, with the tools that it has already."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (repository / name).is_symlink():
            target.symlink_to((repository / name).readlink())
        elif (repository / name).is_file():
            target.write_bytes((repository / name).read_bytes())
            target.chmod((repository / name).stat().st_mode)
    tools = repository / ".toolchain" / "bin"
    (folder / ".toolchain" / "bin").mkdir(parents=True)
    for tool in tools.iterdir() if tools.is_dir() else ():
        os.link(tool, folder / ".toolchain" / "bin" / tool.name)
    return folder
