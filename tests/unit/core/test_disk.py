"""Files are replaced as a whole, whatever happens meanwhile."""

import contextlib
import os
from pathlib import Path

import pytest

from trainup.core import disk


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", ["text é", b"bytes \xff"])
@pytest.mark.parametrize("is_durable", [True, False])
def test_a_file_is_replaced_and_its_owners_alone(tmp_path: Path, content: str | bytes, is_durable: bool) -> None:
    path = tmp_path / "a"
    for _ in range(2):
        disk.replace_file(path, content, is_durable=is_durable)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["a"]


def test_its_mode_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    disk.replace_file(tmp_path / "a", "#!/bin/sh", mode=0o755)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        disk.replace_file(tmp_path / "a", "new", is_durable=True)
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_block_that_fails_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with contextlib.suppress(RuntimeError), disk.replacement(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_folder_in_the_place_of_a_record_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "inside").touch()
    with pytest.raises(IsADirectoryError):
        disk.replace_file(tmp_path / "a", "text")
    disk.replace_record(tmp_path / "a", "text")
    assert (tmp_path / "a").read_text() == "text"
    (aside,) = tmp_path.glob(".a.damaged-*")
    assert names(aside) == ["inside"]


def test_a_link_that_is_replaced_is_never_missing(tmp_path: Path) -> None:
    link = tmp_path / "link"
    for target in ("one", "two"):
        with disk.replacement(link) as temporary:
            temporary.symlink_to(target)
        assert os.readlink(link) == target


def test_room_is_measured_where_a_folder_will_be(tmp_path: Path) -> None:
    assert disk.free_bytes(tmp_path / "not" / "there" / "yet") > 0
    assert disk.free_bytes(tmp_path / ("x" * 300) / "name") > 0, "a name that no folder can have"
