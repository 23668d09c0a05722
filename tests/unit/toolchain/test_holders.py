"""A lock is judged by what all containers of a machine see, and not by the number of its process alone."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from trainup.toolchain import holders, locks
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.holders import Life

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[3]
NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
START = f"""\
import os, sys
sys.path.insert(0, {str(REPOSITORY / "src")!r})
from pathlib import Path
from trainup.toolchain import holders
from trainup.toolchain.backends import StateLocation
if sys.argv[2] == "ours":
    holders.hold(StateLocation(Path(sys.argv[1]), "own", "local"))
print(os.getpid(), flush=True)
os.execv(sys.argv[3], [sys.argv[3]])
"""
CLEAR = f"""\
import sys
sys.path.insert(0, {str(REPOSITORY / "src")!r})
from pathlib import Path
from trainup.toolchain import locks
from trainup.toolchain.backends import StateLocation
locks.clear(StateLocation(Path(sys.argv[1]), "own", "local"))
"""


def may_have_namespaces() -> bool:
    return bool(shutil.which("unshare")) and subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0


own_namespace = pytest.mark.skipif(not may_have_namespaces(), reason="this user may make no process namespaces")


@pytest.fixture
def place(tmp_path: Path) -> StateLocation:
    made = StateLocation(tmp_path / "back end", "own", "local")
    made.lock_folder.mkdir(parents=True)
    return made


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(place: StateLocation, tmp_path: Path) -> Iterator[Start]:
    """Starts a `pulumi` that holds the stack: `ours` by our command, or started by hand; perhaps in a namespace."""
    program = tmp_path / "pulumi"
    shutil.copy(shutil.which("cat") or "", program)
    with ExitStack() as stack:

        def begin(kind: str = "ours", inside: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
            words = [*inside, sys.executable, "-c", START, str(place.root), kind, str(program)]
            process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.callback(end, process)
            assert process.stdin
            assert process.stdout
            lock_of(place, int(process.stdout.readline()))
            print("x", file=process.stdin, flush=True)
            assert process.stdout.readline() == "x\n"  # now it runs under its own name
            return process

        yield begin


def end(process: "subprocess.Popen[str]") -> None:
    family = [] if process.returncode is not None else psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    assert psutil.wait_procs(family, timeout=30)[1] == []


def lock_of(place: StateLocation, pid: int, host: str | None = None) -> Path:
    file = place.lock_folder / f"{pid}.json"
    file.write_text(json.dumps({"pid": pid, "username": "u", "hostname": host or socket.gethostname()}))
    return file


def holder_of(place: StateLocation, pid: int, **facts: str) -> Path:
    """The file of a command of ours that is gone."""
    file = place.root / ".pulumi" / "holders" / "own" / "local" / f"{pid}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**holders._this_process(), "pid": pid, **facts}))
    return file


def cleared_in_namespace(place: StateLocation) -> str:
    """What `make up` in another container would say while it clears locks."""
    words = [*NAMESPACE, sys.executable, "-c", CLEAR, str(place.root)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, env={**os.environ, "TRAINUP_TYPED": "make"}
    )
    return done.stderr


@own_namespace
@pytest.mark.parametrize("inside", [(), NAMESPACE])
def test_the_lock_of_a_command_of_ours_is_judged_from_every_namespace(
    place: StateLocation, start: Start, inside: tuple[str, ...]
) -> None:
    process = start("ours", inside)
    locks.clear(place)
    assert cleared_in_namespace(place) == ""
    (lock,) = place.locks
    end(process)
    assert "the lock is cleared" in cleared_in_namespace(place)
    assert not lock.exists()


@own_namespace
def test_a_command_in_a_container_that_was_killed_is_cleared_from_the_machine(
    place: StateLocation, start: Start
) -> None:
    end(start("ours", NAMESPACE))
    locks.clear(place)
    assert place.locks == []


@own_namespace
def test_the_lock_of_a_cli_started_by_hand_in_a_container_stays(place: StateLocation, start: Start) -> None:
    start("by hand", NAMESPACE)
    locks.clear(place)
    assert len(place.locks) == 1


@own_namespace
@pytest.mark.parametrize("inside", [(), NAMESPACE])
def test_what_cannot_be_judged_from_a_container_is_left_and_the_way_out_is_told(
    place: StateLocation, start: Start, inside: tuple[str, ...]
) -> None:
    process = start("by hand", inside)
    for _ in range(2):
        assert "are invisible from here: if that is gone, run `make unlock`" in cleared_in_namespace(place)
        assert len(place.locks) == 1
        end(process)


def test_a_dead_command_of_an_earlier_boot_of_this_machine_is_dead(place: StateLocation) -> None:
    lock_of(place, 7)
    holder_of(place, 7, boot="an earlier one")
    locks.clear(place)
    assert place.locks == []


@pytest.mark.parametrize(
    "facts",
    [{"boot": "b", "machine": "another"}, {"boot": "b", "hostname": "elsewhere"}, {"boot": "b", "machine": ""}],
)
def test_the_lock_of_another_machine_stays_also_where_it_has_our_name(
    place: StateLocation, facts: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    lock_of(place, 7, facts.get("hostname"))
    holder_of(place, 7, **facts)
    locks.clear(place)
    assert len(place.locks) == 1
    assert "if that is gone, run `pulumi cancel`" in capsys.readouterr().err


def test_a_machine_that_has_another_name_now_knows_its_dead(place: StateLocation) -> None:
    lock_of(place, 7, "by-another-name")
    holder_of(place, 7, hostname="by-another-name")
    locks.clear(place)
    assert place.locks == []


def test_a_cli_that_has_the_number_of_a_dead_command_is_not_taken_for_it(place: StateLocation, start: Start) -> None:
    process = start("by hand")
    holder_of(place, process.pid)
    locks.clear(place)
    assert len(place.locks) == 1


def test_nothing_is_left_of_commands_that_have_ended(place: StateLocation, start: Start) -> None:
    end(start())
    running = start()
    locks.clear(place)
    assert [holders.judge(place, running.pid, socket.gethostname())] == [Life.ALIVE]
    assert len(list((place.root / ".pulumi" / "holders").rglob("*.json"))) == 1


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1e400, "hostname": 5}', "[" * 10_000, "\0"]
)
def test_a_damaged_file_of_a_command_is_as_none(place: StateLocation, content: str) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    lock_of(place, process.pid)
    holder_of(place, process.pid).write_text(content)
    locks.clear(place)
    assert place.locks == []


def test_a_backend_that_cannot_be_written_stands_in_no_commands_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    holders.hold(StateLocation(tmp_path / "file", "own", "local"))
