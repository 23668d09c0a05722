"""What a stack needs before the CLI works on it: that it exists, that nobody dead holds it, and its key."""

import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from trainup.core.project import DEFAULT_STACK
from trainup.toolchain import (
    backends,
    checkpoints,
    environment,
    holders,
    keys,
    locks,
    passphrase,
    projects,
    room,
    saving,
    stack_files,
)
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.keys import Key
from trainup.toolchain.paths import ROOT, SetupError, say
from trainup.toolchain.stack_files import KEY, PROVIDER, SALT, StackFile

RUNS_PROGRAM = frozenset({"up", "update", "preview", "pre", "watch"})
ASKS = frozenset({"up", "refresh", "destroy"})
LOCKS = frozenset({"up", "update", "refresh", "destroy", "down", "dn", "import", "watch"})
"""Operations that hold the stack: the others, a preview above all, leave the backend as it is."""
PRIVATE = 0o077
"""What the CLI makes is for the user alone."""
OWN = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


@dataclass(frozen=True)
class PreparedStack:
    """A stack that the CLI can work on."""

    file: StackFile
    key: Key | None
    saving: Mapping[str, str] = field(default_factory=dict)
    """Variables that say when the CLI saves the state."""
    location: StateLocation | None = None
    """Where its state lies, if that is a folder and the operation holds the stack."""

    def variables(self, base: Mapping[str, str]) -> dict[str, str]:
        """An environment for the CLI: the stack's own passphrase alone, where it has one of ours."""
        ours = str(passphrase.LINK), str(passphrase.find())
        inherited = {name: value for name, value in base.items() if not (name in OWN and (self.key or value in ours))}
        saving = {name: value for name, value in self.saving.items() if not base.get(name)}
        return inherited | saving | (self.key.variables() if self.key else {})

    def words(self, words: Sequence[str], *, sure: bool = False) -> list[str]:
        """A command of the CLI as the stack needs it; with `sure` one on this machine, which costs nothing, is not
        asked about."""
        command = self.key.words(self.file, words) if self.key else list(words)
        is_asked = words[0] in ASKS and not {"--yes", "-y"} & set(words)
        return [*command, "--yes"] if sure and self.file.is_local and is_asked else command


def current(variables: Mapping[str, str] = os.environ) -> str:
    """The stack that a command is about when it names none: PULUMI_STACK, the selected one, else `local`."""
    return variables.get("PULUMI_STACK") or selected(variables) or DEFAULT_STACK


def selected(variables: Mapping[str, str]) -> str:
    """The stack of `pulumi stack select`, as the CLI notes it per project file; empty where none is selected.

    Read here, since the CLI takes a third of a second to tell it (pulumi/pulumi, pkg/workspace/workspace.go).
    """
    home = environment.pulumi_home(variables)
    project = projects.read(ROOT)
    typed = Path(variables.get("PWD") or ROOT)  # the CLI takes the path that the shell shows, links and all
    for folder in (
        ROOT,
        project.file.parent.resolve(),
        *(one for one in (typed, *typed.parents) if _is_same(one, ROOT)),
    ):
        path = hashlib.sha1(str(folder / project.file.name).encode(), usedforsecurity=False).hexdigest()
        with contextlib.suppress(OSError, ValueError, AttributeError):
            note = json.loads((home / "workspaces" / f"{project.name}-{path}-workspace.json").read_text())
            if name := note.get("stack"):
                return str(name)
    return ""


def _is_same(one: Path, other: Path) -> bool:
    return one.is_dir() and os.path.samefile(one, other)


def is_local(stack: str) -> bool:
    """Whether a stack's target is this machine."""
    return stack_files.read(projects.read(ROOT), stack).is_local


def prepare(stack: str, variables: Mapping[str, str], words: Sequence[str]) -> PreparedStack:
    """Make a stack ready for a command of the CLI. Raises SetupError where the command cannot do what is meant."""
    file, location, backend = _find(stack, variables)
    if not any(word.startswith("--config-file") for word in words):
        check(file, location, words[0] if words else "")
    if location:
        backends.close(environment.BACKEND)
        locks.clear(location)
        room.check(location, words)
        checkpoints.mend(location, is_local=file.is_local)
        if not location.locks:
            saving.end_forgotten(file, location, words)
    key = keys.key_of(file, location, _is_cloud(backend))
    file = stack_files.at(file.path, file.project)
    if file.text is not None and file.is_local and (location is None or location.state is None):
        file = _store_key(file, _init(file, stack, variables, key), key)
    locked_location = location if words and words[0] in LOCKS else None
    return PreparedStack(file, key, saving.variables(file, locked_location), locked_location)


def check(file: StackFile, location: StateLocation | None, operation: str) -> None:
    """Whether a command makes sense where the stack's file is missing: Pulumi would go on without any settings."""
    if file.text is not None:
        return
    declarations = file.project.settings.get("config") or {}
    is_configured = any(
        not isinstance(declaration, dict) or "value" in declaration for declaration in declarations.values()
    )
    is_gone = location is not None and location.state is None
    if is_gone or (operation in RUNS_PROGRAM and not is_configured):
        others = sorted(
            path.name.removeprefix("Pulumi.").removesuffix(file.path.suffix)
            for path in file.path.parent.glob(f"Pulumi.*{file.path.suffix}")
        )
        raise SetupError(
            f"there is no {file.path.name}, which says what the stack is: `pulumi stack rm`, `destroy --remove` and "
            f"`stack rename` take it away. Bring it back (`git checkout -- {file.path.name}`), write one, or name "
            f"another stack; {', '.join(others) or 'none'} {'have' if len(others) != 1 else 'has'} one"
        )


def make(stack: str, variables: Mapping[str, str], provider: str = "") -> None:
    """Make a stack that is new; what keeps its secrets is written into its file, unless a passphrase of ours does."""
    file, location, backend = _find(stack, variables)
    key = None if provider else keys.key_of(file, location, _is_cloud(backend))
    if key is None and file.text is None and not provider and file.is_local and not _is_cloud(backend):
        key = Key(passphrase.ensure())
    initialized = _init(file, stack, variables, key, provider)
    if _store_key(file, initialized, key).text is None:
        stack_files.write(file.path, "config: {}\n")
        say(f"{file.path.name} is new, and says nothing yet: what can stand there is in README.md")


def _store_key(file: StackFile, initialized: StackFile, key: Key | None) -> StackFile:
    """Take what keeps a new stack's secrets into its file, unless a passphrase of ours does."""
    values = {
        name: text for name in (PROVIDER, KEY, SALT) if (text := initialized.value(name)) != file.value(name) and text
    }
    if key is None and values:
        stack_files.write(file.path, file.with_values(values))
    return stack_files.at(file.path, file.project)


def _find(stack: str, variables: Mapping[str, str]) -> tuple[StackFile, StateLocation | None, str]:
    project = projects.read(ROOT)
    backend = environment.backend(variables)
    if backend == environment.BACKEND.as_uri():
        environment.BACKEND.mkdir(parents=True, exist_ok=True, mode=0o700)
    return stack_files.read(project, stack), backends.locate(backend, project.name, stack), backend


def become(command: Sequence[str], variables: Mapping[str, str], location: StateLocation | None = None) -> NoReturn:
    """The command takes this process's place, and works on the stack at `place`: signals and exit code are its own.

    What the CLI writes is for the user alone. What it starts for runs has the user's own mask again.
    """
    mask = os.umask(PRIVATE)
    if location:
        holders.hold(location)
    os.execve(command[0], list(command), {**variables, "TRAINUP_UMASK": f"{mask:04o}"})


def _is_cloud(backend: str) -> bool:
    """Whether the backend keeps secrets by itself."""
    return not backend or backend.startswith(("http://", "https://"))


def _init(file: StackFile, stack: str, variables: Mapping[str, str], key: Key | None, provider: str = "") -> StackFile:
    """`pulumi stack init`, in another folder: it writes the whole file anew. Returns what it wrote there."""
    command = ["pulumi", "stack", "init", "--no-select", stack]
    command += ["--secrets-provider", provider] if provider else []
    settings = file.project.settings
    (ROOT / ".trainup").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".trainup", prefix="new.") as temporary:
        folder = Path(temporary)
        project = {name: settings[name] for name in ("name", "runtime", "description") if name in settings}
        (folder / "Pulumi.yaml").write_text(json.dumps(project))
        new_file = StackFile(folder / f"Pulumi.{stack.rpartition('/')[2]}.yaml", None, file.project)
        values = {name: text for name in (PROVIDER, KEY, SALT) if (text := file.value(name))}
        values |= {SALT: key.salt} if key and key.salt else {}
        if values:
            new_file.path.write_text(json.dumps(values))
        env = PreparedStack(file, key).variables(variables)
        process = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, umask=PRIVATE)
        # One that is locked is there as well; whether that stands in the way, the next command says.
        if process.returncode and not any(text in process.stderr for text in ("already exists", "is currently locked")):
            raise SetupError(f"stack {stack!r} could not be made:\n{process.stderr.strip()}")
        return stack_files.at(new_file.path, file.project)
