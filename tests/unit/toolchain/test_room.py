"""No operation begins that could not save what it did."""

import shutil
from pathlib import Path

import pytest

from trainup.toolchain import room
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.paths import SetupError


@pytest.fixture
def place(tmp_path: Path) -> StateLocation:
    return StateLocation(tmp_path / "backend", "own", "local")


def leave_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12 - free, free))


@pytest.mark.parametrize("operation", ["up", "update", "import", "watch"])
def test_a_full_disk_is_told_before_anything_begins(
    place: StateLocation, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    leave_free(monkeypatch, room.LEAST // 2)
    with pytest.raises(
        SetupError, match=r"16 MiB are free .*'local' may need 32 MiB to save its state.*nothing was begun"
    ):
        room.check(place, [operation, "--yes"])
    leave_free(monkeypatch, room.LEAST)
    room.check(place, [operation])


def test_a_large_state_needs_room_for_its_copies(place: StateLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    state = place.root / ".pulumi" / "stacks" / "own" / "local.json"
    state.parent.mkdir(parents=True)
    with state.open("wb") as file:
        file.truncate(room.LEAST)
    leave_free(monkeypatch, room.COPIES * room.LEAST - 1)
    with pytest.raises(SetupError, match="192 MiB"):
        room.check(place, ["up"])


@pytest.mark.parametrize("words", [["destroy"], ["preview"], ["refresh"], []])
def test_what_may_free_space_is_let_through(
    place: StateLocation, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    leave_free(monkeypatch, 0)
    room.check(place, words)
