"""Room on the disk: what an environment and a run will need, and what is told where there is less."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainup.core import disk
from trainup.jobs.local import room
from trainup.jobs.local.room import MIB
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.provider.run_source import disk_shortage

LeaveFree = Callable[[float], None]


@pytest.fixture
def leave_free(monkeypatch: pytest.MonkeyPatch) -> LeaveFree:
    return lambda free: monkeypatch.setattr(disk, "free_bytes", lambda folder: int(free))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws", tmp_path)


def left_behind(workspace: Workspace, attempt: str, outputs: int, log: int) -> None:
    folder = RunFolder(workspace.runs / attempt)
    (folder.outputs / "deep").mkdir(parents=True)
    (folder.outputs / "deep" / "model").write_bytes(b"x" * outputs)
    folder.log.parent.mkdir()
    folder.log.write_bytes(b"x" * log)


def test_free_space_is_that_of_the_folder_which_will_hold_the_workspace(tmp_path: Path) -> None:
    assert disk.free_bytes(tmp_path / "not" / "there" / "yet") > 0


@pytest.mark.parametrize(
    ("lines", "megabytes"),
    [
        ([], 0),
        (["requests==2", "--hash=sha256:1"], room.LIBRARY),
        (["Torch==2.12 ; python_version > '3'", "nvidia_cudnn_cu13==9"], 1150 + room.LIBRARY_OF_CUDA),
        (["torch==2", "torch==2"], 1150),
    ],
)
def test_an_environment_needs_what_its_libraries_take(lines: list[str], megabytes: int) -> None:
    assert room.of_environment(lines) == megabytes * MIB


def test_a_run_needs_what_its_largest_attempt_left(workspace: Workspace) -> None:
    left_behind(workspace, f"tiny-{'a' * 12}", 1_000, 10)
    left_behind(workspace, f"tiny-{'a' * 12}-a2", 3_000, 20)
    left_behind(workspace, f"tiny-big-{'b' * 12}", 9_000, 10)
    assert room.of_run(workspace, "tiny") == 3_020
    assert room.of_run(workspace, "new") == 0


def test_too_little_room_is_told_with_the_figures_and_what_to_do(workspace: Workspace, leave_free: LeaveFree) -> None:
    leave_free(room.SPARE + 99 * MIB)
    assert room.shortage(workspace, 99 * MIB, "it") is None
    told = room.shortage(workspace, 100 * MIB, "the environment of r.txt")
    assert told
    assert told.startswith("355 MiB are free where ws lies, and the environment of r.txt will need about 100 MiB: free")


def test_a_run_that_needed_more_before_is_told_of(workspace: Workspace, leave_free: LeaveFree, tmp_path: Path) -> None:
    inputs = {"run": "tiny", "target": "local", "workspace": "ws"}
    leave_free(room.SPARE)
    assert disk_shortage(tmp_path, inputs) is None, "nobody knows yet what it needs"
    left_behind(workspace, f"tiny-{'a' * 12}", 2 * MIB, 0)
    assert "run tiny will need about 2 MiB" in (disk_shortage(tmp_path, inputs) or "")
    assert disk_shortage(tmp_path, {**inputs, "target": "azure"}) is None
    leave_free(room.PLENTY * 2)
    assert disk_shortage(tmp_path, inputs) is None
