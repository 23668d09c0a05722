"""The CLI as a child: its end, its signals, and what becomes of it when its parent is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from trainup.cli.terminal.child import Child

CLI = """\
import os, signal, sys
events = open(sys.argv[sys.argv.index("--event-log") + 1], "w")
asked = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, asked)
print(os.getpid(), file=events, flush=True)
count = 0
while signal.sigwait(asked) is signal.SIGINT:
    count += 1
    print(count, file=events, flush=True)
sys.exit(count)
"""
PARENT = """\
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell that runs tests in the background ignores it
from trainup.cli.terminal.child import Child
child = Child(lambda words, variables: os.execve(words[0], words, variables), sys.argv[1:], os.environ)
ended = child.follow(lambda line: print(line, flush=True), lambda: None, 0.05)
print("ended", ended.code, ended.interrupted, flush=True)
"""


def become(words: Sequence[str], variables: Mapping[str, str]) -> None:
    os.execve(words[0], list(words), dict(variables))


@pytest.fixture
def parent(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    cli = tmp_path / "cli.py"
    cli.write_text(CLI)
    command = [sys.executable, "-c", PARENT, sys.executable, str(cli)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def next_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def followed(*command: str) -> tuple[list[str], int, str]:
    """Runs in a process of its own, since it forks: a thread of the tests could hold a lock."""
    heard: list[str] = []
    ended = Child(become, command, os.environ).follow(heard.append, lambda: None, 0.05)
    return heard, ended.code, ended.printed


def test_events_are_heard_in_order_to_the_last() -> None:
    script = "import sys\nwith open(sys.argv[2], 'w') as events:\n    for n in range(2000): print(n, file=events)\n"
    heard, code, _ = followed(sys.executable, "-c", script)
    assert (heard, code) == ([str(number) for number in range(2000)], 0)


def test_a_command_that_ends_before_it_opens_the_pipe_is_no_wait_for_ever() -> None:
    heard, code, printed = followed("/bin/sh", "-c", "echo 'error: no such stack' >&2; exit 7")
    assert (heard, code, printed) == ([], 7, "error: no such stack\n")


def test_a_command_that_cannot_be_started_says_why() -> None:
    _, code, printed = followed("/no/such/cli")
    assert code == 1
    assert "No such file" in printed


def test_a_signal_to_the_whole_group_reaches_the_command_once(parent: "subprocess.Popen[str]") -> None:
    next_line(parent)
    os.killpg(parent.pid, signal.SIGINT)
    assert next_line(parent) == "1"
    os.killpg(parent.pid, signal.SIGTERM)
    assert next_line(parent) == f"ended 1 {int(signal.SIGTERM)}"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
@pytest.mark.parametrize("kill", [os.kill, os.killpg])
def test_whoever_kills_the_parent_kills_the_command(
    parent: "subprocess.Popen[str]", kill: Callable[[int, int], None]
) -> None:
    command = psutil.Process(int(next_line(parent)))
    kill(parent.pid, signal.SIGKILL)
    assert psutil.wait_procs([command], timeout=30)[1] == []
