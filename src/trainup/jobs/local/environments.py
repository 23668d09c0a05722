"""Environments that uv builds from requirements, each in a folder named by the digest of its recipe."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from trainup.core import tools
from trainup.core.errors import UserError
from trainup.jobs.local.files import Lock, UnreadableRecord, read_json, temporary_folder, write_json
from trainup.jobs.local.launch import environment_folder
from trainup.jobs.local.owners import Owners
from trainup.jobs.local.recipe import Recipe, this_python
from trainup.jobs.local.workspace import Workspace

ERROR_LINES = 25
INTERRUPTED = "it was interrupted; the next `pulumi up` builds it"
_ONE_PACKAGE = (" + ", " Downloaded ")
"""Beginnings of lines that uv prints for each package, which are left out of the progress."""
_CREDENTIALS = re.compile(r"://[^/\s@]+@")


class BuildError(UserError):
    """The environment cannot be described or built; the message says why."""


def is_built(workspace: Workspace, reference: str) -> bool:
    """Whether the environment has been built completely."""
    return (environment_folder(workspace, reference) / "environment.json").is_file()


def build(
    workspace: Workspace,
    recipe: Recipe,
    progress: Callable[[str], None] = lambda line: None,
    stop: threading.Event | None = None,
) -> Path:
    """Build the environment unless it exists; concurrent builds of the same one wait for each other.

    Raises BuildError, also if `stop` is set during the build.
    """
    workspace.create()
    stop = stop or threading.Event()
    final = environment_folder(workspace, recipe.reference)
    lock = Lock(final.with_name(f"{final.name}.lock"))
    while not lock.try_acquire():
        if stop.wait(0.1):
            raise BuildError(INTERRUPTED)
    try:
        if is_built(workspace, recipe.reference):
            _note_use(workspace, recipe, final)
            return final
        _make(workspace, recipe, final, progress, stop)
    finally:
        lock.release()
    prune(workspace)
    return final


def _make(
    workspace: Workspace, recipe: Recipe, final: Path, progress: Callable[[str], None], stop: threading.Event
) -> None:
    """Build the environment in a temporary folder and move it to `final`; the caller holds its lock."""
    for stale in final.parent.glob(f".{final.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    if final.exists():
        shutil.rmtree(final)  # without its record it is nothing whole
    with temporary_folder(final) as folder:
        uv = find_uv(workspace.project)
        base = getattr(sys, "_base_executable", sys.executable)
        python = base if recipe.python == this_python() else recipe.python
        options = ["--quiet", "--relocatable", "--allow-existing", "--python", python]
        _run([uv, "venv", *options, str(folder)], progress, stop)
        if recipe.requirements and recipe.lines:
            target = ["--python", str(folder / "bin" / "python")]
            _run([uv, "pip", "install", *target, "-r", str(recipe.requirements)], progress, stop)
        _note_use(workspace, recipe, folder)


def take_over(source: Workspace, workspace: Workspace, reference: str) -> None:
    """Copy an environment of another workspace, unless it is there. Raises BuildError where the other one lost it."""
    final, theirs = environment_folder(workspace, reference), environment_folder(source, reference)
    with Lock(final.with_name(f"{final.name}.lock")):
        if is_built(workspace, reference):
            return
        if not is_built(source, reference):
            raise BuildError(f"the environment {reference} is gone from {theirs}: `trainup up` of its stack builds it")
        if final.exists():
            shutil.rmtree(final)
        with temporary_folder(final) as folder:
            shutil.copytree(theirs, folder, symlinks=True, dirs_exist_ok=True)


def _note_use(workspace: Workspace, recipe: Recipe, folder: Path) -> None:
    """Record that the environment is the last one used, and so the last to be pruned."""
    number = max((_used(path) for path in built(workspace)), default=0) + 1
    lines = [_CREDENTIALS.sub("://***@", line) for line in recipe.lines]
    record = {"reference": recipe.reference, "python": recipe.python, "requirements": lines, "used": number}
    write_json(folder / "environment.json", record)


def requirements_of(workspace: Workspace, reference: str) -> list[str] | None:
    """The requirements that an environment was built from; None where that is not recorded."""
    with contextlib.suppress(UnreadableRecord, OSError):
        record = read_json(environment_folder(workspace, reference) / "environment.json") or {}
        lines = record.get("requirements")
        if record.get("reference") == reference and isinstance(lines, list):
            return [str(line) for line in lines]
    return None


def _used(environment: Path) -> int:
    """The number of its last use: a clock may be set back. 0 where none is recorded."""
    with contextlib.suppress(UnreadableRecord, OSError):
        number = (read_json(environment / "environment.json") or {}).get("used")
        return number if type(number) is int else 0
    return 0


def built(workspace: Workspace) -> list[Path]:
    """The folders of all environments of a workspace."""
    if not workspace.environments.is_dir():
        return []
    return [path for path in workspace.environments.iterdir() if path.is_dir() and not path.name.startswith(".")]


def prune(workspace: Workspace, keep: int = 3) -> list[str]:
    """Remove the environments that were not used for longest, all but `keep`; never one in use."""
    by_use = sorted(built(workspace), key=lambda path: (_used(path), path.stat().st_mtime), reverse=True)
    return [path.name for path in by_use[keep:] if remove(workspace, path.name)]


def remove(workspace: Workspace, name: str) -> bool:
    """Remove an environment, unless somebody uses or builds it; returns whether it was removed."""
    path = workspace.environments / name
    lock = Lock(path.with_name(f"{name}.lock"))
    if is_in_use(workspace, name) or not lock.try_acquire():
        return False
    try:
        if is_in_use(workspace, name) or not path.is_dir():
            return False
        trash = path.with_name(f".{name}.trash")
        path.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)
        return True
    finally:
        lock.release()


def is_in_use(workspace: Workspace, name: str) -> bool:
    """Whether an image, the MLflow server or an active run needs an environment; true if a record cannot be read."""
    from trainup.jobs.local import ledger, run_record

    try:
        if (image := workspace.tracking().get("image")) and environment_folder(workspace, image).name == name:
            return True
        if not Owners(workspace.environments / f"{name}.owners").is_empty:
            return True
        for folder in ledger.active_folders(workspace):
            definition = run_record.read_definition(folder)
            image = definition.spec.get("image") if definition else None
            if image and environment_folder(workspace, image).name == name:
                return True
    except (
        UnreadableRecord,
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
    ):  # the error is reported to whoever reads that record
        return True
    return False


def owners(workspace: Workspace, reference: str) -> Owners:
    """The image resources that declare this environment."""
    return Owners(environment_folder(workspace, reference).with_suffix(".owners"))


def find_uv(project: Path | None) -> str:
    """The uv program: on PATH, or from set-up. Raises BuildError if there is none."""
    if installed := shutil.which("uv"):
        return installed
    bootstrapped = (project or Path.cwd()) / ".toolchain" / "uv" / "uv"
    if bootstrapped.is_file():
        return str(bootstrapped)
    raise BuildError("uv is not on PATH: run `make setup`, or install uv")


def _run(words: list[str], progress: Callable[[str], None], stop: threading.Event) -> None:
    environment = tools.variables(os.environ)
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    assert process.stdout is not None
    lines = []
    with process.stdout as output, _terminated_on(stop, process):
        for line in output:
            lines.append(_CREDENTIALS.sub("://***@", line.rstrip()))
            if not lines[-1].startswith(_ONE_PACKAGE):
                progress(lines[-1])
        process.wait()
    if process.returncode and stop.is_set():
        raise BuildError(INTERRUPTED)
    if process.returncode:
        tail = "\n".join(lines[-ERROR_LINES:])
        raise BuildError(f"`uv {words[1]}` failed with exit code {process.returncode}:\n{tail}")


@contextlib.contextmanager
def _terminated_on(stop: threading.Event, process: "subprocess.Popen[str]") -> Iterator[None]:
    """While the block lasts, the process is ended when `stop` is set."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            if stop.is_set():
                process.terminate()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
