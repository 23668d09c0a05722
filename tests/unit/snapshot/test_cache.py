"""The stat cache saves work and never tells an old story."""

import json
import os
from pathlib import Path

import pytest

from trainup.core import likely_secrets
from trainup.jobs.snapshot import SnapshotError, StatCache, cache, reading, take

A_LONG_TIME = 10 * cache.GRANULARITY_NS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    return path


def remember(known: StatCache, file: Path, *, age_ns: int) -> None:
    """Put in an entry as if the file had been read `age_ns` after its last change."""
    status = file.stat()
    known.put(str(file), status, cache.FileFacts("0" * 64, ()), read_at_ns=status.st_ctime_ns + age_ns)


def test_an_unchanged_file_is_known_after_save_and_load(tmp_path: Path, file: Path) -> None:
    known = StatCache.load(tmp_path / "deep/cache.json")
    status = file.stat()
    told = cache.FileFacts("1" * 64, ((3, "Private Key"),))
    known.put(str(file), status, told, read_at_ns=status.st_ctime_ns + A_LONG_TIME)
    known.save()
    assert StatCache.load(tmp_path / "deep/cache.json").get(str(file), file.stat()) == told
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["cache.json"]


def test_a_file_read_within_the_granularity_of_its_last_change_is_not_trusted(tmp_path: Path, file: Path) -> None:
    known = StatCache(tmp_path / "cache")
    remember(known, file, age_ns=A_LONG_TIME)
    assert known.get(str(file), file.stat()) is not None
    remember(known, file, age_ns=cache.GRANULARITY_NS)
    assert known.get(str(file), file.stat()) is None


def test_a_change_that_keeps_size_and_modification_time_is_noticed(tmp_path: Path, file: Path) -> None:
    known = StatCache(tmp_path / "cache")
    before = file.stat()
    remember(known, file, age_ns=A_LONG_TIME)
    other = tmp_path / "other"
    other.write_text("two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert known.get(str(file), file.stat()) is None


def test_fresh_files_are_hashed_again_however_often_they_are_asked_for(source: Path, tmp_path: Path) -> None:
    known = StatCache(tmp_path / "cache")
    first = take(source, cache=known, allow_secrets=())
    before = (source / "train.py").stat()
    (source / "train.py").write_text("print('HELLO')\n")
    os.utime(source / "train.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert take(source, cache=known, allow_secrets=()).digest != first.digest


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"version": 2}', b'{"version": 1, "files": {"x": [1]}}', b'{"files": 3}']
)
def test_a_damaged_or_unknown_cache_is_ignored_and_replaced_only_by_save(
    tmp_path: Path, file: Path, content: bytes
) -> None:
    path = tmp_path / "cache.json"
    path.write_bytes(content)
    known = StatCache.load(path)
    known.save()
    assert path.read_bytes() == content
    remember(known, file, age_ns=A_LONG_TIME)
    known.save()
    assert json.loads(path.read_bytes())["version"] == cache.VERSION


def test_damaged_entries_do_not_stop_a_load(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "cache.json"
    damaged: list[object] = [[1], [1, 2, 3, 4, None, []], [1, 2, 3, 4, "x", 5], None, "x"]
    for entry in damaged:
        path.write_text(json.dumps({"version": 1, "rules": likely_secrets.rules(), "files": {str(file): entry}}))
        assert StatCache.load(path).get(str(file), file.stat()) is None


def test_a_cache_made_by_other_rules_for_secrets_is_not_used(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = StatCache(tmp_path / "cache.json")
    remember(known, file, age_ns=A_LONG_TIME)
    known.save()
    monkeypatch.setattr(cache, "rules", lambda: "others")
    assert StatCache.load(tmp_path / "cache.json").get(str(file), file.stat()) is None


def test_files_that_are_gone_are_forgotten_when_the_cache_is_saved(tmp_path: Path, file: Path) -> None:
    known = StatCache(tmp_path / "cache.json")
    remember(known, file, age_ns=A_LONG_TIME)
    file.unlink()
    known.save()
    assert json.loads((tmp_path / "cache.json").read_bytes())["files"] == {}


def test_known_files_are_not_opened_and_their_secrets_stay_known(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "key.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\n")  # pragma: allowlist secret
    monkeypatch.setattr(cache, "GRANULARITY_NS", -A_LONG_TIME)  # as if the files were old
    known = StatCache(tmp_path / "cache")
    first = take(source, cache=known, allow_secrets=("key.pem:1",))
    monkeypatch.setattr(reading, "blocks", lambda file: pytest.fail(f"{file.name} was read"))
    assert take(source, cache=known, allow_secrets=("key.pem",)).files == first.files
    with pytest.raises(SnapshotError, match=r"key\.pem:1"):
        take(source, cache=known, allow_secrets=())
