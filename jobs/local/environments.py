"""Environments built by uv from requirements, each under the digest of what it was built from."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trainup.core import tools
from trainup.core.canonical import sha256
from trainup.core.texts import decode
from trainup.jobs.local.files import Lock, temporary_folder, write_json
from trainup.jobs.local.launch import environment_folder
from trainup.jobs.local.owners import Owners
from trainup.jobs.local.workspace import Workspace

PREFIX = "venv@sha256:"
ERROR_LINES = 25
INTERRUPTED = "it was interrupted; the next `pulumi up` builds it"
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)")
_LOCAL = re.compile(r"(?:-e|--editable)\b|\.{0,2}/|file:|[A-Za-z0-9._-]+\s*@\s*file:")
_ONE_PACKAGE = (" + ", " Downloaded ")
"""What uv prints for each of a hundred packages; too much for a progress that everybody reads."""
_CREDENTIALS = re.compile(r"://[^/\s@]+@")


class BuildError(Exception):
    """The environment cannot be described or built; the message says why."""


@dataclass(frozen=True)
class Recipe:
    """What an environment is made of; equal recipes share one environment."""

    requirements: Path | None
    lines: tuple[str, ...]
    """The requirements without comments, included files in place."""
    python: str

    @property
    def reference(self) -> str:
        """`venv@sha256:…` over requirements, Python version and platform."""
        content = {
            "requirements": list(self.lines),
            "python": self.python,
            "platform": f"{sys.platform}-{platform.machine()}",
        }
        return PREFIX + sha256(content)


def this_python() -> str:
    """Major and minor version of the interpreter that runs trainup."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def recipe(requirements: Path | None, python: str | None = None) -> tuple[Recipe, list[str]]:
    """Read the requirements; returns the recipe and everything that is wrong with it."""
    problems: list[str] = []
    lines = tuple(_lines(requirements, problems, ())) if requirements else ()
    return Recipe(requirements, lines, python or this_python()), problems


def _lines(path: Path, problems: list[str], seen: tuple[Path, ...]) -> list[str]:
    try:
        text = decode(path.read_bytes())
    except FileNotFoundError:
        problems.append(f"there is no file {path}: requirements are a file that pip and uv can read")
        return []
    except (OSError, ValueError) as error:
        problems.append(f"{path} cannot be read: {error}")
        return []
    result = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = re.sub(r"(?:^|\s)#.*$", "", line).strip()
        if not line:
            continue
        if include := _INCLUDE.fullmatch(line):
            other = path.parent / include[1]
            if other in (*seen, path):
                problems.append(f"{path} includes itself by {line!r}")
                continue
            result.append(line.split()[0])
            result += _lines(other, problems, (*seen, path))
        elif _LOCAL.match(line):
            problems.append(
                f"{path} names a local path ({line!r}): its content would not be part of the image's digest; "
                "put the code into the run's source folder, or publish a package"
            )
        else:
            result.append(line)
    return result


def is_built(workspace: Workspace, reference: str) -> bool:
    """Whether the environment is there."""
    return (environment_folder(workspace, reference) / "environment.json").is_file()


def build(
    workspace: Workspace,
    wanted: Recipe,
    progress: Callable[[str], None] = lambda line: None,
    stop: threading.Event | None = None,
) -> Path:
    """Make the environment unless it is there; two builders of the same one wait for each other.

    Raises BuildError, also when `stop` is set while it is made.
    """
    workspace.create()
    stop = stop or threading.Event()
    final = environment_folder(workspace, wanted.reference)
    lock = Lock(final.with_name(f"{final.name}.lock"))
    while not lock.try_acquire():
        if stop.wait(0.1):
            raise BuildError(INTERRUPTED)
    try:
        if is_built(workspace, wanted.reference):
            os.utime(final)  # used again: the last to be pruned
            return final
        _make(workspace, wanted, final, progress, stop)
    finally:
        lock.release()
    prune(workspace)
    return final


def _make(
    workspace: Workspace, wanted: Recipe, final: Path, progress: Callable[[str], None], stop: threading.Event
) -> None:
    """The environment in its place, whole or not at all; needs its lock."""
    for stale in final.parent.glob(f".{final.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    if final.exists():
        shutil.rmtree(final)  # without its record it is nothing whole
    with temporary_folder(final) as folder:
        uv = find_uv(workspace.project)
        base = getattr(sys, "_base_executable", sys.executable)
        python = base if wanted.python == this_python() else wanted.python
        options = ["--quiet", "--relocatable", "--allow-existing", "--python", python]
        _run([uv, "venv", *options, str(folder)], progress, stop)
        if wanted.requirements and wanted.lines:
            target = ["--python", str(folder / "bin" / "python")]
            _run([uv, "pip", "install", *target, "-r", str(wanted.requirements)], progress, stop)
        write_json(folder / "environment.json", {"reference": wanted.reference, "python": wanted.python})


def prune(workspace: Workspace, keep: int = 3) -> list[str]:
    """Remove the environments that were not used for longest, all but `keep`; never one in use."""
    if not workspace.environments.is_dir():
        return []
    found = [path for path in workspace.environments.iterdir() if path.is_dir() and not path.name.startswith(".")]
    removed = []
    for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)[keep:]:
        lock = Lock(path.with_name(f"{path.name}.lock"))
        if path.name in in_use(workspace) or not lock.try_acquire():
            continue
        try:
            trash = path.with_name(f".{path.name}.trash")
            path.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)
            removed.append(path.name)
        finally:
            lock.release()
    return removed


def in_use(workspace: Workspace) -> set[str]:
    """The environments that an image, the MLflow server or a run that has not ended needs."""
    from trainup.jobs.local import ledger

    used = set()
    if image := workspace.tracking().get("image"):
        used.add(environment_folder(workspace, image).name)
    for path in workspace.environments.glob("*.owners"):
        if not Owners(path).is_empty:
            used.add(path.stem)
    for folder in ledger.folders(workspace):
        record = ledger.view(workspace, folder)
        definition = ledger.definition_of(folder)
        if record and definition and not record.status.is_terminal and (image := definition["spec"].get("image")):
            used.add(environment_folder(workspace, image).name)
    return used


def owners(workspace: Workspace, reference: str) -> Owners:
    """The image resources that declare this environment."""
    return Owners(environment_folder(workspace, reference).with_suffix(".owners"))


def find_uv(project: Path | None) -> str:
    """The uv program: on PATH, or where set-up has put it."""
    if found := shutil.which("uv"):
        return found
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
