"""A hunt for planted secrets: in files, in texts, and in what every process of this machine shows of itself."""

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support import spellings
from tests.support.project import Project

SCRIPT = """\
import os, sys
from spellings import spellings
for name in ("TOKEN", "DB_PASSWORD", "KEY"):
    for spelling, text in spellings(os.environ[name]).items():
        print(name, spelling, text, flush=True)
print(os.environ)
"""
SUCCEEDING = (
    SCRIPT
    + """\
open(os.path.join(os.environ["TRAINUP_OUTPUT_DIR"], "metrics.json"), "w").write('{"accuracy": 0.5}')
"""
)
FAILING = SCRIPT + "raise ValueError(spellings(os.environ['DB_PASSWORD'])['JSON'] + os.environ['TOKEN'])\n"


Where = Callable[[str], bool]
"""Whether a place is one where a secret may be."""


def planted() -> dict[str, str]:
    """Variable → a secret that nobody else on this machine has: a token, a password, a key of several lines."""
    key = "\n".join(secrets.token_urlsafe(48) for _ in range(4))
    return {
        "TOKEN": secrets.token_urlsafe(32),
        "DB_PASSWORD": f"p4$$ {secrets.token_hex(6)}/+=&\"'ü\\x",
        "KEY": f"-----BEGIN {secrets.token_hex(6)}-----\n{key}\n-----END {secrets.token_hex(6)}-----\n",
    }


class Hunt:
    """Looks for secrets in all their spellings; what it finds is told by its place, with the secret's name."""

    def __init__(self, planted: Mapping[str, str]) -> None:
        self._needles = {
            text.encode(): name
            for name, secret in planted.items()
            for text in {
                *spellings.parts(secret, 12),
                *(text for text in spellings.spellings(secret).values() if "\n" not in text),
            }
            if len(text) >= 12
        }
        self.processes: set[str] = set()
        """Processes that showed one, each with what it showed."""

    def names_in(self, data: bytes) -> set[str]:
        """The secrets that are in it."""
        return {name for needle, name in self._needles.items() if needle in data}

    def files(self, *folders: Path, allowed: Where = lambda place: False) -> list[str]:
        """Every file that holds one, or whose name does. Links are not followed."""
        found = []
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                place = path.relative_to(folder).as_posix()
                if allowed(place):
                    continue
                data = os.fsencode(path) + (os.fsencode(os.readlink(path)) if path.is_symlink() else _content(path))
                found += [f"{name} in {place}" for name in sorted(self.names_in(data))]
        return found

    def texts(self, texts: Iterable[str]) -> list[str]:
        """Every text that holds one, cut down to its beginning."""
        return [f"{name} in {text[:60]!r}" for text in texts for name in sorted(self.names_in(text.encode()))]

    @contextmanager
    def watching(self, allowed: Callable[[psutil.Process, str], bool]) -> Iterator[None]:
        """Look again and again at the arguments and the environment of every process while the block runs.

        `allowed` gets a process and `arguments` or `environment`.
        """
        over = threading.Event()

        def watch() -> None:
            while not over.is_set():
                for process in psutil.process_iter():
                    if process.pid != os.getpid():
                        self._look_at(process, allowed)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _look_at(self, process: psutil.Process, allowed: Callable[[psutil.Process, str], bool]) -> None:
        for kind, what in (("cmdline", "arguments"), ("environ", "environment")):
            shown = Path(f"/proc/{process.pid}/{kind}")
            try:
                if not self.names_in(shown.read_bytes()) or allowed(process, what):
                    continue
                # A second look: what launches a plugin forgets them, and has become the plugin since the first.
                names, program = self.names_in(shown.read_bytes()), " ".join(process.cmdline()[:3])[:80]
                self.processes |= {f"{name} in the {what} of {program}" for name in names}
            except (OSError, psutil.Error):
                return  # it has ended


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def is_allowed(process: psutil.Process, what: str) -> bool:
    """Where they may be: in the run's own command and what it starts, and where the engine puts them.

    The engine starts plugins with the whole configuration; the first thing that ours does is to forget it.
    """
    launched = any(word.endswith("/pulumi-resource-trainup") for word in process.cmdline())
    return what == "environment" and (launched or "TRAINUP_RUN" in process.environ())


def trainup(project: Project, *words: str) -> str:
    """What a command of ours prints."""
    command = [sys.executable, "-m", "trainup.cli", *words, "--stack", project.stack]
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def set_secrets(project: Project, given: dict[str, str]) -> None:
    """By standard input, as somebody who types them: not among the arguments of a process."""
    for name, value in given.items():
        command = ["pulumi", "config", "set", "--secret", f"trainup:{name}"]
        done = subprocess.run(
            command, cwd=project.folder, env=project.environment, input=value, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def plant(project: Project, script: str) -> None:
    """Give the project's run a script that prints its secrets in all their spellings."""
    project.script(script)
    project.script(Path(spellings.__file__).read_text(), name="spellings.py")
