"""Prepares a stack for the CLI: creates it if it is missing, removes dead locks, repairs its state, finds its key."""

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
"""Operations that lock the stack; others, such as a preview, do not change the backend."""
PRIVATE = 0o077
"""The umask of the CLI: its files are private to the user."""
OWN = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


@dataclass(frozen=True)
class PreparedStack:
    """A stack that is ready for a command of the CLI."""

    file: StackFile
    key: Key | None
    saving: Mapping[str, str] = field(default_factory=dict)
    """Variables that tell the CLI when to save the state."""
    location: StateLocation | None = None
    """Where its state lies, if the backend is a folder and the operation locks the stack."""

    def variables(self, base: Mapping[str, str]) -> dict[str, str]:
        """The environment of the CLI: `base` with this stack's passphrase, and without that of any other stack."""
        ours = str(passphrase.LINK), str(passphrase.find())
        inherited = {name: value for name, value in base.items() if not (name in OWN and (self.key or value in ours))}
        saving = {name: value for name, value in self.saving.items() if not base.get(name)}
        return inherited | saving | (self.key.variables() if self.key else {})

    def words(self, words: Sequence[str], *, sure: bool = False) -> list[str]:
        """The arguments of a CLI command on this stack. With `sure`, a local stack is changed without asking: it costs
        nothing."""
        command = self.key.words(self.file, words) if self.key else list(words)
        is_asked = words[0] in ASKS and not {"--yes", "-y"} & set(words)
        return [*command, "--yes"] if sure and self.file.is_local and is_asked else command


def current(variables: Mapping[str, str] = os.environ) -> str:
    """The stack of a command that names none: PULUMI_STACK, else the selected stack, else `local`."""
    return variables.get("PULUMI_STACK") or selected(variables) or DEFAULT_STACK


def selected(variables: Mapping[str, str]) -> str:
    """The stack of `pulumi stack select`, which the CLI stores for each project file; empty where none is selected.

    Read from the CLI's file: the CLI itself takes a third of a second (pulumi/pulumi, pkg/workspace/workspace.go).
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
    """Prepare a stack for a command of the CLI. Raises SetupError where the command would fail or do harm."""
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
    """Raise SetupError where the stack's file is missing but needed: Pulumi would go on without any settings."""
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
            f"`stack rename` remove it. Restore it (`git checkout -- {file.path.name}`), write one, or name "
            f"another stack; {', '.join(others) or 'none'} {'have' if len(others) != 1 else 'has'} one"
        )


def make(stack: str, variables: Mapping[str, str], provider: str = "") -> None:
    """Create a stack, and write its secrets provider into its file unless that is our passphrase. Raises SetupError."""
    file, location, backend = _find(stack, variables)
    key = None if provider else keys.key_of(file, location, _is_cloud(backend))
    if key is None and file.text is None and not provider and file.is_local and not _is_cloud(backend):
        key = Key(passphrase.ensure())
    initialized = _init(file, stack, variables, key, provider)
    if _store_key(file, initialized, key).text is None:
        stack_files.write(file.path, "config: {}\n")
        say(f"{file.path.name} is new and has no settings yet; README.md lists them")


def _store_key(file: StackFile, initialized: StackFile, key: Key | None) -> StackFile:
    """Write the secrets provider of a new stack into its file, unless that is our passphrase."""
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
    """Replace this process by a command that works on the stack at `location`: signals and exit code are its own.

    Files that the CLI writes are private to the user. Runs that it starts get the user's own umask back.
    """
    mask = os.umask(PRIVATE)
    if location:
        holders.hold(location)
    os.execve(command[0], list(command), {**variables, "TRAINUP_UMASK": f"{mask:04o}"})


def _is_cloud(backend: str) -> bool:
    """Whether the backend is Pulumi Cloud or like it, which encrypts secrets itself."""
    return not backend or backend.startswith(("http://", "https://"))


def _init(file: StackFile, stack: str, variables: Mapping[str, str], key: Key | None, provider: str = "") -> StackFile:
    """Run `pulumi stack init` in a temporary folder, since it reformats the stack's file. Returns the file it wrote."""
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
        # A locked stack exists as well; the next command reports the lock if it matters.
        if process.returncode and not any(text in process.stderr for text in ("already exists", "is currently locked")):
            raise SetupError(f"stack {stack!r} could not be made:\n{process.stderr.strip()}")
        return stack_files.at(new_file.path, file.project)
