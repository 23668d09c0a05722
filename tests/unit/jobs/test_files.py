"""Records and locks that survive a kill."""

import fcntl
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainup.jobs.local.files import Lock, UnreadableRecord, is_held, read_json, temporary_folder, write_json

HOLD = """
import sys, pathlib
from trainup.jobs.local.files import Lock
lock = Lock(pathlib.Path(sys.argv[1]))
print(lock.try_acquire(), flush=True)
sys.stdin.read()
"""


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1, "é\ud800"], "y": None})
    assert read_json(tmp_path / "a.json") == {"x": [1, "é\ud800"], "y": None}
    assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]


def test_a_record_that_is_not_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert read_json(tmp_path / "a.json") is None
    assert read_json(tmp_path / "file" / "a.json") is None


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert read_json(tmp_path / "a.json") == {"x": 1}
    assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"x"', b"{}", b"\x00\x00", b"\xff\xfe\x00", b"[" * 100_000]
)
def test_a_damaged_record_is_told_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableRecord, match=r"a\.json is damaged.*move it away"):
        read_json(path)
    assert path.read_bytes() == content


def test_a_record_of_another_version_is_refused_with_the_way_out_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    content = json.dumps({"version": 2, "x": 1})
    path.write_text(content)
    with pytest.raises(UnreadableRecord, match=r"format 2; this trainup reads format 1: use the trainup that wrote it"):
        read_json(path)
    assert path.read_text() == content


def test_a_lock_excludes_others_in_the_same_process(tmp_path: Path) -> None:
    one, other = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert one.try_acquire()
    assert is_held(one.path)
    assert not other.try_acquire()
    one.release()
    assert not is_held(one.path)
    assert other.try_acquire()
    other.release()
    other.release()


def test_a_lock_excludes_other_processes_and_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        assert is_held(path)
        assert not Lock(path).try_acquire()
        holder.kill()
        holder.wait()
    assert not is_held(path)
    with Lock(path) as lock:
        assert lock.fd is not None


def test_who_only_looks_at_a_lock_for_however_long_does_not_keep_others_from_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with ThreadPoolExecutor(1) as pool:
        with path.open() as looking:
            fcntl.flock(looking, fcntl.LOCK_SH)
            taking = pool.submit(Lock(path).try_acquire)
            assert not is_held(path)
        assert taking.result()


def test_looking_at_a_lock_writes_nothing(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_was_removed_guards_nothing(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock"):
        os.unlink(tmp_path / "lock")
        assert Lock(tmp_path / "lock").try_acquire()


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    final = tmp_path / "final"
    interrupted = temporary_folder(final)
    (interrupted.__enter__() / "half").touch()
    assert not final.exists()
    assert not interrupted.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert list(tmp_path.iterdir()) == []
    with temporary_folder(final) as folder:
        (folder / "whole").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["final", "whole"]
