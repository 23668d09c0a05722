"""The repository's own Pulumi project on a stack that sees nothing but the Azure on this machine.

    given = configuration(root, "dev")
    with rehearsal(folder) as running, stage(root, folder, running, given, sections={}) as project:
        project.pulumi("up", "--yes")          # returns the exit code; what the CLI prints goes where ours goes
        project.pulumi("destroy", "--yes")
        assert running.azure.empty and not running.trap.caught

The folder (`.trainup/rehearsal`) gets a backend, Pulumi's home, the stack file, `bodies/` and `requests.jsonl`.
"""

import contextlib
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import yaml

from trainup.simulator.rehearsal import NotHere, Rehearsal, check_loopback

STACK = "rehearsal"
PASSPHRASE = "rehearsal"
"""No secret: the stack lives as long as the Azure in memory, and holds what a rehearsal makes up."""

CONFIGURED = frozenset({"up", "preview", "refresh", "destroy", "config"})
"""Commands of the CLI that read a stack file."""

OWN = frozenset({"location", "subscriptionId"})
"""Settings of azure-native that a rehearsal leaves or sets; all others say who somebody is, or where Azure is."""

UNWANTED = frozenset({"PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK"})
"""Variables that would lead to somebody's own state."""

GRACE_SECONDS = 20.0
"""In which an interrupted command may write down where it was."""


@dataclass(frozen=True)
class Project:
    """A stack that can be worked on."""

    root: Path
    """Folder of Pulumi.yaml."""

    stack_file: Path
    environment: Mapping[str, str]
    protected: bool
    """Whether the stack protects what holds data from deletion."""

    def pulumi(self, *words: str) -> int:
        """Run a command of the CLI on the stack; its exit code. Nothing of it is left when this is interrupted."""
        # In a group of its own: whoever interrupts this process interrupts the command once, and not twice.
        with subprocess.Popen(self._command(words), **self._options(), process_group=0) as cli:
            try:
                return cli.wait()
            except BaseException:
                _end(cli)
                raise

    def output(self) -> dict[str, Any]:
        """The stack's outputs."""
        command = self._command(("stack", "output", "--json", "--stack", STACK))
        done = subprocess.run(command, **self._options(), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return dict(json.loads(done.stdout))

    def _command(self, words: Sequence[str]) -> list[str]:
        configured = ["--config-file", str(self.stack_file)] if words[0] in CONFIGURED else []
        return ["pulumi", words[0], *configured, *words[1:]]

    def _options(self) -> dict[str, Any]:
        check_loopback(self.environment)
        return {"cwd": self.root, "env": dict(self.environment), "stdin": subprocess.DEVNULL}


def _end(cli: "subprocess.Popen[bytes]") -> None:
    """Interrupt a command, and make an end of what takes too long and of all that it has started."""
    try:
        family = psutil.Process(cli.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    cli.send_signal(signal.SIGINT)
    try:
        cli.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        cli.kill()
    _, alive = psutil.wait_procs(family, timeout=1)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()


def configuration(root: Path, stack: str) -> dict[str, Any]:
    """What `Pulumi.<stack>.yaml` beside a repository's Pulumi.yaml configures. `NotHere` when it configures nothing."""
    path = root / f"Pulumi.{stack}.yaml"
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = sorted(found.name.removeprefix("Pulumi.").removesuffix(".yaml") for found in root.glob("Pulumi.*.yaml"))
        raise NotHere(f"there is no {path}: the stacks that have a file are {', '.join(names) or 'none'}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise NotHere(f"{path} cannot be read as YAML: {error}") from error
    given = told.get("config") if isinstance(told, dict) else None
    if not isinstance(given, dict):
        raise NotHere(
            f"{path} has no `config:` with settings below it, so there is nothing to deploy: "
            "write them down, or name another stack"
        )
    return {str(key): value for key, value in given.items()}


def settings(given: Mapping[str, Any], running: Rehearsal, sections: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's configuration, made to fit a rehearsal; sections given replace its own.

    Who submits is whoever deploys here, and the subscription is the one in memory. `NotHere` for settings that name
    another Azure.
    """
    elsewhere = [
        f"{key} to {value!r}"
        for key, value in given.items()
        if key.startswith("azure-native:") and key.partition(":")[2] not in OWN
    ]
    if elsewhere:
        raise NotHere(
            f"the stack file sets {', '.join(elsewhere)}: a rehearsal says itself who it is and where; "
            "take this out, or rehearse another stack"
        )
    replaced = {f"trainup:{name}": value for name, value in sections.items()}
    access = {"trainup:access": {"users": [running.azure.deployer]}}
    return {**given, **access, **replaced, "azure-native:subscriptionId": running.azure.subscription}


@contextmanager
def stage(
    root: Path, folder: Path, running: Rehearsal, given: Mapping[str, Any], *, sections: Mapping[str, Any]
) -> Iterator[Project]:
    """Prepare a new stack of the repository at `root` with this configuration; sections given replace its own."""
    running.docker.folder = root / "infra"
    config = settings(given, running, sections)
    for name in ("backend", "home"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    own = {
        "PULUMI_BACKEND_URL": (folder / "backend").resolve().as_uri(),
        "PULUMI_HOME": str((folder / "home").resolve()),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_STACK": STACK,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    kept = {name: value for name, value in running.environment().items() if name not in UNWANTED}
    stack_file = folder.resolve() / f"Pulumi.{STACK}.yaml"
    stack_file.unlink(missing_ok=True)
    # Made from here, where the CLI may leave the stack's salt: the repository stays as it is.
    shutil.copyfile(root / "Pulumi.yaml", folder / "Pulumi.yaml")
    protected = bool(config.get("trainup:protect", True))
    project = Project(root, stack_file, {**kept, **own}, protected)
    if code := replace(project, root=folder).pulumi("stack", "init", "--no-select", STACK):
        raise RuntimeError(f"`pulumi stack init` ended with exit code {code}")
    made = yaml.safe_load(stack_file.read_text(encoding="utf-8"))
    stack_file.write_text(yaml.safe_dump({**made, "config": config}, sort_keys=False), encoding="utf-8")
    yield project
