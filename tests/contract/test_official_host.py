"""A program of Pulumi's own language host: here the script that starts it is a stand-in of the same name."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainup.components.official_host import EXECUTOR, engine_of

START = """\
import pathlib, runpy, sys
try:
    runpy.run_path(sys.argv[-1], run_name="__main__")
finally:
    pathlib.Path("cleaned-up").touch()
"""
BLOCKED = "import trainup.components\nprint('program waits', flush=True)\nopen('gate').read()\n"


class Program:
    """A program, the stand-in that starts it, and the engine that it is connected to."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.engine = socket.create_server(("127.0.0.1", 0))
        (folder / EXECUTOR).write_text(START)
        (folder / "program.py").write_text(text)
        address = f"127.0.0.1:{self.engine.getsockname()[1]}"
        words = [sys.executable, "-u", str(folder / EXECUTOR), "--monitor", address, "--engine", address, "program.py"]
        self.process = subprocess.Popen(
            words,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore it
        )

    def wait_for(self, line: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == f"{line}\n"

    def finish(self) -> tuple[int, str]:
        """Exit code and what was printed after the lines that were waited for."""
        assert self.process.stdout
        with self.process.stdout as output:
            return self.process.wait(60), output.read()

    def close(self) -> None:
        self.engine.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def blocked(tmp_path: Path) -> Iterator[Program]:
    os.mkfifo(tmp_path / "gate")
    program = Program(tmp_path, BLOCKED)
    program.wait_for("program waits")
    yield program
    program.close()


def test_an_interrupt_ends_a_program_without_a_traceback_and_lets_it_clean_up(blocked: Program) -> None:
    blocked.process.send_signal(signal.SIGINT)
    assert blocked.finish() == (130, "")
    assert (blocked.folder / "cleaned-up").exists()


@pytest.mark.slow
def test_a_blocked_program_ends_with_its_engine(blocked: Program) -> None:
    connection, _ = blocked.engine.accept()
    blocked.engine.close()
    connection.close()
    assert blocked.finish() == (130, "")


@pytest.mark.slow
def test_a_program_outlives_a_connection_that_the_engine_closes_for_being_idle(blocked: Program) -> None:
    for _ in range(2):
        connection, _ = blocked.engine.accept()
        connection.close()
    connection, _ = blocked.engine.accept()
    assert blocked.process.poll() is None
    connection.close()


def test_other_errors_keep_their_traceback(tmp_path: Path) -> None:
    program = Program(tmp_path, "import trainup.components\nraise KeyError('nobody')\n")
    code, text = program.finish()
    program.close()
    assert (code, "KeyError: 'nobody'" in text) == (1, True)


@pytest.mark.parametrize(
    ("words", "engine"),
    [
        (["python", "-u", f"/opt/pulumi/{EXECUTOR}", "--monitor", "a:1", "--engine", "b:2", "."], "b:2"),
        (["python", f"/opt/pulumi/{EXECUTOR}", "--engine=b:2", "."], "b:2"),
        (["python", f"/opt/pulumi/{EXECUTOR}", "--engine"], None),
        (["python", "program.py", "--engine", "b:2"], None),
    ],
)
def test_only_programs_of_the_official_host_watch_an_engine(words: list[str], engine: str | None) -> None:
    assert engine_of(words) == engine
