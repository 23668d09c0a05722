"""A stack of the repository's own Pulumi project that uses only the simulated Azure.

    config = configuration(root, "dev")
    with rehearsal(folder) as running, stage(root, folder, running, config, sections={}) as project:
        project.pulumi("up", "--yes")          # returns the exit code; the CLI's output is not captured
        project.pulumi("destroy", "--yes")
        assert running.azure.empty and not running.trap.caught

The folder (`.trainup/rehearsal`) gets a backend, Pulumi's home, the stack file, `bodies/` and `requests.jsonl`.
"""

import base64
import contextlib
import json
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import yaml

from trainup.core.project import NAMESPACE, PROJECT_FILES, stack_file_name
from trainup.simulator.rehearsal import NotHere, Rehearsal, check_loopback

STACK = "rehearsal"
PASSPHRASE = "rehearsal"
"""Not confidential: the stack is deleted with the simulated Azure, and contains only generated secrets."""

CONFIGURED = frozenset({"up", "preview", "refresh", "destroy", "config"})
"""Commands of the CLI that read a stack file."""

OWN = frozenset({"location", "subscriptionId"})
"""Settings of azure-native that a rehearsal accepts; the others select an identity or a cloud."""

UNWANTED = frozenset({"PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_STACK"})
"""Environment variables that select another stack, backend or passphrase."""

GRACE_SECONDS = 20.0
"""Time in which an interrupted command may save its state."""


@dataclass(frozen=True)
class Project:
    """A stack for a rehearsal."""

    root: Path
    """Folder of Pulumi.yaml."""

    stack_file: Path
    environment: Mapping[str, str]
    protected: bool
    """Whether the stack protects resources with data from deletion."""

    def pulumi(self, *words: str) -> int:
        """Run a command of the CLI on the stack; returns its exit code. An interrupt also ends the command."""
        # A process group of its own, so that Ctrl-C does not interrupt the command a second time.
        with subprocess.Popen(self._command(words), **self._options(), process_group=0) as cli:
            try:
                return cli.wait()
            except BaseException:
                _end(cli)
                raise

    def output(self) -> dict[str, Any]:
        """The stack's outputs. Raises RuntimeError."""
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
    """Interrupt a command; kill it after GRACE_SECONDS, and kill the processes that it started."""
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
    """The `config` in `Pulumi.<stack>.yaml` beside a repository's Pulumi.yaml. Raises NotHere if there is none."""
    file, project = _project(root)
    folder = root / str(project.get("stackConfigDir") or ".")
    path = folder / stack_file_name(file.name, stack)
    if not path.is_file():
        names = sorted(stack_file.stem.removeprefix("Pulumi.") for stack_file in folder.glob(f"Pulumi.*{file.suffix}"))
        raise NotHere(f"there is no {path}: the stacks that have a file are {', '.join(names) or 'none'}")
    content = _read(path)
    config = content.get("config") if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise NotHere(
            f"{path} has no `config:` with settings below it, so there is nothing to deploy: "
            "write them down, or name another stack"
        )
    return {_whole_key(str(key), str(project["name"]), config): value for key, value in config.items()}


def _whole_key(key: str, project: str, config: Mapping[str, Any]) -> str:
    """A key with its namespace. Keys of the project get trainup's namespace, unless that has the same key."""
    namespace, _, name = key.rpartition(":")
    if namespace not in ("", project):
        return key
    return f"{project}:{name}" if f"{NAMESPACE}:{name}" in config else f"{NAMESPACE}:{name}"


def _project(root: Path) -> tuple[Path, dict[str, Any]]:
    """The path and the content of a project file. Raises NotHere."""
    file = next((root / name for name in PROJECT_FILES if (root / name).is_file()), root / PROJECT_FILES[0])
    content = _read(file)
    if not isinstance(content, dict) or not content.get("name"):
        raise NotHere(f"{file} has no `name`: a Pulumi project has one")
    return file, content


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise NotHere(f"{path} cannot be read as YAML: {error}") from error


def settings(config: Mapping[str, Any], running: Rehearsal, sections: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's configuration for a rehearsal, in which `sections` replace those of the same name.

    The deployer becomes the only user with access, and the subscription is the simulated one. Raises NotHere if the
    configuration selects another cloud or identity.
    """
    elsewhere = [
        f"{key} to {value!r}"
        for key, value in config.items()
        if key.startswith("azure-native:") and key.partition(":")[2] not in OWN
    ]
    if elsewhere:
        raise NotHere(
            f"the stack file sets {', '.join(elsewhere)}: a rehearsal says itself who it is and where; "
            "take this out, or rehearse another stack"
        )
    replaced = {f"trainup:{name}": value for name, value in sections.items()}
    access = {"trainup:access": {"users": [running.azure.deployer]}}
    return {**config, **access, **replaced, "azure-native:subscriptionId": running.azure.subscription}


@contextmanager
def stage(
    root: Path, folder: Path, running: Rehearsal, stack_config: Mapping[str, Any], *, sections: Mapping[str, Any]
) -> Iterator[Project]:
    """Create a stack of the repository at `root` with this configuration, in which `sections` replace others."""
    running.docker.folder = root / "infra"
    config = settings(stack_config, running, sections)
    for name in ("backend", "home"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    own = {
        "PULUMI_BACKEND_URL": (folder / "backend").resolve().as_uri(),
        "PULUMI_HOME": str((folder / "home").resolve()),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_STACK": STACK,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    environment = {name: value for name, value in running.environment().items() if name not in UNWANTED}
    stack_file = folder.resolve() / f"Pulumi.{STACK}.yaml"
    stack_file.unlink(missing_ok=True)
    # Create the stack in this folder: the CLI writes its salt there, and the repository stays unchanged.
    name = str(_project(root)[1]["name"])
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": name, "runtime": "python"}), encoding="utf-8")
    protected = bool(config.get("trainup:protect", True))
    project = Project(root, stack_file, {**environment, **own}, protected)
    if code := replace(project, root=folder).pulumi("stack", "init", "--no-select", STACK):
        raise RuntimeError(f"`pulumi stack init` ended with exit code {code}")
    stack_settings = yaml.safe_load(stack_file.read_text(encoding="utf-8"))
    stack_file.write_text(yaml.safe_dump({**stack_settings, "config": config}, sort_keys=False), encoding="utf-8")
    _make_up_secrets(project, config)
    yield project


def _make_up_secrets(project: Project, config: Mapping[str, Any]) -> None:
    """Replace the stack's secrets by generated values, since a rehearsal can neither decrypt nor use the real ones."""
    paths = list(_secrets(config))
    if not paths:
        return
    print(f"secrets that are made up for the rehearsal: {', '.join(_shown(path) for path in paths)}", flush=True)
    for nested in (False, True):
        # As long as the key of a storage account, the longest secret of Azure.
        assignments = [
            f"{_shown(path)}={base64.b64encode(secrets.token_bytes(64)).decode()}"
            for path in paths
            if (len(path) > 1) is nested
        ]
        words = ["config", "set-all", *(["--path"] if nested else []), "--stack", STACK]
        if assignments and (
            code := project.pulumi(*words, *(word for each in assignments for word in ("--secret", each)))
        ):
            raise RuntimeError(f"`pulumi config set-all` ended with exit code {code}")


def _secrets(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of the secrets in a stack's configuration."""
    if isinstance(value, dict) and set(value) == {"secure"} and path:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _secrets(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, (*path, index))


def _shown(path: Sequence[str | int]) -> str:
    """A path in Pulumi's notation."""
    return str(path[0]) + "".join(
        f"[{part}]" if isinstance(part, int) else f"[{json.dumps(part)}]" for part in path[1:]
    )
