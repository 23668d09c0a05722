"""The set-up as a whole: one at a time, nothing half-made left, and a stack that has a place."""

import contextlib
import fcntl
import json
import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from toolchain import __main__ as toolchain
from toolchain import environment, progress
from toolchain.paths import SetupError


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A repository of its own, and a CLI that writes down how it was called."""
    monkeypatch.setattr(toolchain, "TOOLCHAIN", tmp_path / ".toolchain")
    monkeypatch.setattr(toolchain, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "BACKEND", tmp_path / ".trainup" / "backend")
    (tmp_path / "Pulumi.yaml").write_text("name: own\n")
    cli = tmp_path / "path" / "pulumi"
    cli.parent.mkdir()
    cli.write_text(f"#!/bin/sh\necho \"$@\" >> '{tmp_path}/calls'\n")
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{cli.parent}:/bin")
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return tmp_path


def calls(checkout: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return (checkout / "calls").read_text().splitlines()
    return []


def ours(stack: str) -> dict[str, str]:
    return {"PULUMI_BACKEND_URL": environment.BACKEND.as_uri(), "PULUMI_STACK": stack}


def test_the_local_stack_is_made_once(checkout: Path) -> None:
    toolchain.prepare("local", ours("local"))
    assert calls(checkout) == ["stack init --no-select local"]
    known = environment.BACKEND / ".pulumi" / "stacks" / "own" / "local.json"
    known.parent.mkdir(parents=True)
    known.write_text(json.dumps({}))
    toolchain.prepare("local", ours("local"))
    assert len(calls(checkout)) == 1


def test_any_stack_has_a_place_in_the_folder_where_nobody_chose_one(checkout: Path) -> None:
    toolchain.prepare("dev", ours("dev"))
    assert environment.BACKEND.is_dir()
    assert calls(checkout) == [], "only who asks for it gets a stack that may cost something"


def test_a_backend_of_the_users_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://mine")
    toolchain.prepare("dev", {})
    assert not environment.BACKEND.exists()


def test_what_a_cut_off_set_up_left_is_cleared_away(checkout: Path) -> None:
    for name in ("cli.abc", "uv.abc", "bin"):
        (checkout / ".toolchain" / name).mkdir(parents=True)
    with toolchain._alone():
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
        patch.setattr(toolchain, "say", say)
        with toolchain._alone():
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
