"""The set-up as a whole: one at a time, and nothing half-made left."""

import fcntl
import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from trainup.toolchain import progress, setting_up
from trainup.toolchain.paths import SetupError


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A repository of its own."""
    monkeypatch.setattr(setting_up, "TOOLCHAIN", tmp_path / ".toolchain")
    return tmp_path


def test_what_a_cut_off_set_up_left_is_cleared_away(checkout: Path) -> None:
    for name in ("cli.abc", "uv.abc", "bin"):
        (checkout / ".toolchain" / name).mkdir(parents=True)
    with setting_up._alone():
        assert {path.name for path in (checkout / ".toolchain").iterdir()} == {"bin", "lock"}


def _hold(lock: Path, held: "multiprocessing.synchronize.Event", gate: str) -> None:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        held.set()
        Path(gate).read_text()


def test_a_second_set_up_waits_for_the_first_and_says_so(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (checkout / ".toolchain").mkdir()
    os.mkfifo(checkout / "gate")
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    other = spawn.Process(target=_hold, args=(checkout / ".toolchain" / "lock", held, str(checkout / "gate")))
    other.start()
    assert held.wait(60)

    def say(line: str) -> None:
        told.append(line)
        (checkout / "gate").write_text("go")  # only what has been told lets the first one end

    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setting_up, "say", say)
        with setting_up._alone():
            assert told == ["another set-up is under way; waiting for it …"]
    other.join(60)
    assert other.exitcode == 0


def test_a_long_command_that_fails_tells_its_last_lines(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = "for i in range(100): print('line', i)\nraise SystemExit(3)"
    with pytest.raises(SetupError) as caught:
        progress.run([sys.executable, "-c", script], what="compiling", env=os.environ, cwd=checkout)
    told = str(caught.value).splitlines()
    assert told[0] == "compiling: failed with exit code 3. Its last lines:"
    assert told[1:] == [f"line {number}" for number in range(60, 100)]


def test_a_long_command_shows_that_it_moves(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(0, 10_000, 20))  # every look at the clock is 20 s later
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(ticks)))
    script = "for i in range(3): print('line', i)"
    progress.run([sys.executable, "-c", script], what="compiling", env=os.environ, cwd=checkout, total=3)
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in told if " of " in line] == [f"compiling: {n} of 3" for n in (1, 2, 3)]
    assert told[-1].startswith("compiling: done in")
