"""What a snapshot is, what it refuses, and that nothing is written."""

import errno
import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from trainup.core import canonical
from trainup.jobs.snapshot import Snapshot, SnapshotError, StatCache, limits, reading, take

Take = Callable[..., Snapshot]
Problems = Callable[..., list[str]]


def test_files_are_known_by_hash_and_size_and_the_digest_covers_them_all(snapshot: Take) -> None:
    taken = snapshot()
    sha256 = hashlib.sha256(b"LAYERS = 3\n").hexdigest()
    assert list(taken.files) == ["pkg/model.py", "train.py"]
    assert taken.files["pkg/model.py"] == f"{sha256}:11"
    assert taken.digest == canonical.sha256(dict(taken.files))
    assert taken.manifest == taken.files


def test_a_changed_renamed_or_added_file_changes_the_digest(source: Path, snapshot: Take) -> None:
    digests = [snapshot().digest]
    (source / "train.py").write_text("print('HELLO')\n")
    digests.append(snapshot().digest)
    (source / "train.py").rename(source / "main.py")
    digests.append(snapshot().digest)
    (source / "empty").touch()
    digests.append(snapshot().digest)
    assert len(set(digests)) == 4


def test_times_permissions_and_place_are_no_part_of_the_digest(source: Path, snapshot: Take) -> None:
    before = snapshot().digest
    os.utime(source / "train.py", (0, 0))
    (source / "train.py").chmod(0o600)
    (source / "empty folder").mkdir()
    moved = source.rename(source.with_name("moved"))
    assert take(moved, cache=StatCache(source.with_name("other cache")), allow_secrets=()).digest == before


def test_taking_a_snapshot_writes_nothing(tmp_path: Path, source: Path, snapshot: Take) -> None:
    before = sorted(tmp_path.rglob("*"))
    snapshot()
    assert sorted(tmp_path.rglob("*")) == before


def test_only_topmost_folders_with_more_than_500_files_are_folded(source: Path, snapshot: Take) -> None:
    for index in range(501):
        (source / "pkg" / f"{index}.txt").write_text("x")
    (source / "few").mkdir()
    (source / "few/a.txt").touch()
    taken = snapshot()
    assert sorted(taken.manifest) == ["few/a.txt", "pkg/", "train.py"]
    assert taken.manifest["pkg/"].endswith(":502 files, 512 bytes")
    (source / "pkg/7.txt").write_text("y")
    assert snapshot().manifest["pkg/"] != taken.manifest["pkg/"]


def test_two_thousand_files_are_accepted_and_one_more_is_not(source: Path, snapshot: Take, problems: Problems) -> None:
    for index in range(1_998):
        folder = source / f"f{index % 7}"
        folder.mkdir(exist_ok=True)
        (folder / f"{index}.txt").touch()
    assert len(snapshot().files) == 2_000
    (source / "one more").touch()
    [problem] = problems()
    assert "holds 2,001 files, and a run gets at most 2,000" in problem
    assert "f0/ 286 files, f1/ 286 files" in problem
    assert ".gitignore" in problem


def test_too_much_content_is_refused_with_the_largest_five_before_it_is_read(source: Path, problems: Problems) -> None:
    for index in range(7):
        with (source / f"{index}.bin").open("wb") as file:
            file.truncate((60 + index) * 1024**2)  # sparse: takes no room
    [problem] = problems()
    assert "441.0 MB, and a run gets at most 300.0 MB" in problem
    assert "6.bin 66.0 MB, 5.bin 65.0 MB, 4.bin 64.0 MB, 3.bin 63.0 MB, 2.bin 62.0 MB." in problem


def test_the_largest_are_named_below_the_folders_that_hold_everything(tmp_path: Path, cache: StatCache) -> None:
    folder = tmp_path / "source/all/of/it"
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        with (folder / name).open("wb") as file:
            file.truncate(limits.MOST_BYTES)
    with pytest.raises(SnapshotError, match=r"all/of/it/a 300\.0 MB, all/of/it/b 300\.0 MB"):
        take(tmp_path / "source", cache=cache, allow_secrets=())


def test_a_missing_source_an_empty_one_and_a_file_are_refused(tmp_path: Path, cache: StatCache) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    expected = {"missing": "does not exist", "empty": "has no file", "file": "is not a folder"}
    for name, reason in expected.items():
        with pytest.raises(SnapshotError, match=f"{name} {reason}"):
            take(tmp_path / name, cache=cache, allow_secrets=())


def test_a_source_whose_files_are_all_ignored_is_refused(source: Path, problems: Problems) -> None:
    (source / ".gitignore").write_text("*\n")
    [problem] = problems()
    assert "its ignore files exclude everything" in problem


def test_links_inside_stand_for_what_they_point_at(source: Path, snapshot: Take) -> None:
    (source / "link.py").symlink_to("train.py")
    (source / "folder").symlink_to("pkg", target_is_directory=True)
    files = snapshot().files
    assert files["link.py"] == files["train.py"]
    assert files["folder/model.py"] == files["pkg/model.py"]


def test_links_that_leave_the_source_or_lead_nowhere_are_named_with_their_targets(
    tmp_path: Path, source: Path, problems: Problems
) -> None:
    (tmp_path / "outside").touch()
    (source / "out").symlink_to("../outside")
    (source / "absolute").symlink_to("/etc", target_is_directory=True)
    (source / "broken").symlink_to("nothing")
    (source / "pkg/loop").symlink_to("..", target_is_directory=True)
    absolute, broken, out, loop = problems()
    assert absolute.startswith("absolute is a symbolic link to /etc, which is outside the source folder")
    assert broken.startswith("broken is a symbolic link that cannot be followed (No such file or directory)")
    assert out.startswith("out is a symbolic link to ../outside, which is outside the source folder")
    assert loop.startswith("pkg/loop is a symbolic link to .., a folder that holds the link itself")


def test_an_ignored_link_may_point_anywhere(source: Path, problems: Problems) -> None:
    (source / "out").symlink_to("/etc", target_is_directory=True)
    (source / ".gitignore").write_text("out\n")
    assert problems() == []


def test_special_files_and_names_no_store_can_hold_are_findings_all_at_once(source: Path, problems: Problems) -> None:
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(source)  # a socket's whole path has to be short
        try:
            listener.bind("sock")
        finally:
            os.chdir(here)
    (source / "new\nline").touch()
    (source / "back\\slash").touch()
    Path(os.fsdecode(os.fsencode(source) + b"/\xff")).touch()
    texts = "\n".join(problems())
    assert "pipe is a named pipe" in texts
    assert "sock is a socket" in texts
    assert "new\\nline has a control character" in texts
    assert "back\\slash has" in texts
    assert "\\xff has a name that is not UTF-8" in texts


def test_files_that_may_not_be_read_are_findings_all_at_once(
    source: Path, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(found: object, cache: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(reading, "examine", refuse)
    assert [problem.partition(":")[0] for problem in problems()] == [
        "pkg/model.py cannot be read (Permission denied)",
        "train.py cannot be read (Permission denied)",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_without_permission_are_findings(source: Path, problems: Problems) -> None:
    (source / "pkg").chmod(0)
    try:
        assert [problem.partition(":")[0] for problem in problems()] == ["pkg/ cannot be read (Permission denied)"]
    finally:
        (source / "pkg").chmod(0o700)
