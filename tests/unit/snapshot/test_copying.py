"""A copy is what the preview showed, or it is not there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from trainup.jobs.snapshot import Snapshot, SnapshotError, StatCache, copy, reading, take

Take = Callable[..., Snapshot]


def copy_as(taken: Snapshot, source: Path, destination: Path) -> None:
    copy(source, destination, expected_digest=taken.digest, manifest=taken.manifest)


def test_a_copy_has_the_files_of_the_snapshot_and_its_digest(
    tmp_path: Path, source: Path, snapshot: Take, cache: StatCache
) -> None:
    (source / ".gitignore").write_text("secret.txt\n")
    (source / "secret.txt").touch()
    (source / "link").symlink_to("pkg", target_is_directory=True)
    taken = snapshot()
    copy_as(taken, source, tmp_path / "code")
    assert (tmp_path / "code/link/model.py").read_text() == "LAYERS = 3\n"
    assert not (tmp_path / "code/link").is_symlink()
    assert not (tmp_path / "code/secret.txt").exists()
    assert take(tmp_path / "code", cache=cache, allow_secrets=()).digest == taken.digest


def test_executable_files_stay_executable_and_others_do_not_become_so(
    tmp_path: Path, source: Path, snapshot: Take
) -> None:
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    copy_as(snapshot(), source, tmp_path / "code")
    assert (tmp_path / "code/run.sh").stat().st_mode & 0o100
    assert not (tmp_path / "code/train.py").stat().st_mode & 0o111


def test_what_changed_since_the_preview_is_named_and_nothing_is_left(
    tmp_path: Path, source: Path, snapshot: Take
) -> None:
    taken = snapshot()
    (source / "train.py").write_text("print('later')\n")
    (source / "added.py").touch()
    (source / "pkg/model.py").unlink()
    with pytest.raises(SnapshotError) as caught:
        copy_as(taken, source, tmp_path / "code")
    [problem] = caught.value.problems
    assert "added.py (added), pkg/model.py (removed), train.py (changed)" in problem
    assert "run `pulumi up` again" in problem
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["source"]


def test_a_change_in_a_folded_folder_names_the_folder(tmp_path: Path, source: Path, snapshot: Take) -> None:
    for index in range(501):
        (source / "pkg" / str(index)).touch()
    taken = snapshot()
    (source / "pkg/7").write_text("x")
    with pytest.raises(SnapshotError, match=r"pkg/ \(changed\)"):
        copy_as(taken, source, tmp_path / "code")


def test_a_file_that_changes_while_it_is_copied_is_noticed(
    tmp_path: Path, source: Path, snapshot: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = snapshot()
    original = (source / "train.py").stat()

    def blocks(file: BinaryIO) -> list[bytes]:
        if str(file.name).endswith("train.py"):
            # Same size and same modification time: only the content tells.
            (source / "train.py").write_text("print('HELLO')\n")
            os.utime(source / "train.py", ns=(original.st_atime_ns, original.st_mtime_ns))
        return [file.read()]

    monkeypatch.setattr(reading, "blocks", blocks)
    with pytest.raises(SnapshotError, match=r"train\.py \(changed\)"):
        copy_as(taken, source, tmp_path / "code")
    assert not (tmp_path / "code").exists()


def test_a_file_that_vanishes_while_others_are_copied_is_named(
    tmp_path: Path, source: Path, snapshot: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = snapshot()
    duplicate = reading.duplicate

    def vanishing(found: object, destination: str) -> str:
        (source / "train.py").unlink(missing_ok=True)
        return duplicate(found, destination)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "duplicate", vanishing)
    with pytest.raises(SnapshotError, match=r"train\.py \(removed\)"):
        copy_as(taken, source, tmp_path / "code")


def test_a_destination_that_exists_is_never_replaced(tmp_path: Path, source: Path, snapshot: Take) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/mine").touch()
    with pytest.raises(OSError, match="not empty"):
        copy_as(snapshot(), source, tmp_path / "code")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["code", "source"]
