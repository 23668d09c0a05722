"""The hash by which Azure ML knows code."""

import hashlib
from pathlib import Path

import pytest

from trainup.jobs import snapshot
from trainup.jobs.snapshot import StatCache, cache, reading
from trainup.jobs.snapshot.cache import FileFacts
from trainup.jobs.snapshot.selection import SelectedFile
from trainup.jobs.snapshot.tree_hash import TreeHashes, tree_hash

FILES = {
    "file1.txt": "one",
    "Folder2/file1.txt": "two\n",
    "Folder2/inner/empty": "",
    "a/ü b.py": "ümlaut",
    "Zed.py": "Z",
}
OFFICIAL = "541ce63ad5e59aa8ad4a6a8efd57e2ce542af76a26ab80490d7fe15cd766744a"
"""What azure-ai-ml 1.35.2 makes of these files."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "source"


def test_it_is_that_of_the_official_client(source: Path) -> None:
    assert tree_hash(snapshot.files(source))[0] == OFFICIAL


def test_what_was_hashed_is_the_snapshot(source: Path, tmp_path: Path) -> None:
    taken = snapshot.take(source, cache=StatCache(tmp_path / "cache"))
    _, entries = tree_hash(snapshot.files(source))
    snapshot.verify(source, entries, expected_digest=taken.digest, manifest=taken.manifest)


def test_a_file_that_grows_while_it_is_hashed_is_no_part_of_any_snapshot(source: Path, tmp_path: Path) -> None:
    files = snapshot.files(source)
    taken = snapshot.take(source, cache=StatCache(tmp_path / "cache"))
    (source / "Zed.py").write_text("ZZ")
    _, entries = tree_hash(files)
    with pytest.raises(snapshot.SnapshotError, match=r"Zed.py \(changed\)"):
        snapshot.verify(source, entries, expected_digest=taken.digest, manifest=taken.manifest)


def test_a_snapshot_that_is_taken_with_it_is_the_same_and_knows_it(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = snapshot.take(source, cache=StatCache(tmp_path / "cache"))
    for batch in (1, 4, reading.BATCH_BYTES):  # a file that is larger is read in another way
        monkeypatch.setattr(reading, "BATCH_BYTES", batch)
        trees = TreeHashes()
        assert snapshot.take(source, cache=StatCache(tmp_path / "cache"), trees=trees) == alone
        assert trees.get(alone.digest) == OFFICIAL


def test_hashes_without_a_file_stay_in_memory() -> None:
    trees = TreeHashes()
    trees.put("snapshot", OFFICIAL)
    trees.save()
    assert trees.get("snapshot") == OFFICIAL


def test_many_files_are_heard_in_order_whatever_their_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH_BYTES", 60)
    for number in range(100):
        (tmp_path / f"{number:03}").write_text(f"{number}," * (number % 40))
    files = snapshot.files(tmp_path)
    heard: list[bytes] = []
    results = reading.in_turn(files, reading.digest, heard.append)
    contents = [(tmp_path / file.path).read_bytes() for file in files]
    assert b"".join(heard) == b"".join(contents)
    assert results == [reading.entry(hashlib.sha256(content).hexdigest(), len(content)) for content in contents]


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_known_of_the_whole(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = TreeHashes()
    hashed: list[str] = []
    monkeypatch.setattr(trees, "put", lambda digest, value: hashed.append(value))

    def gone(file: SelectedFile, cache: StatCache, hear: reading.Hear) -> tuple[str, FileFacts]:
        if file.path == "Zed.py":
            raise FileNotFoundError(2, "No such file")
        return examine(file, cache, hear)

    examine = reading.examine
    monkeypatch.setattr(reading, "examine", gone)
    with pytest.raises(snapshot.SnapshotError, match=r"Zed\.py"):
        snapshot.take(source, cache=StatCache(tmp_path / "cache"), trees=trees)
    assert hashed == []


def test_a_file_that_grows_while_the_snapshot_is_taken_leaves_the_whole_unknown(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grown(file: SelectedFile, cache: StatCache, hear: reading.Hear) -> tuple[str, FileFacts]:
        if file.path == "Zed.py":
            (source / "Zed.py").write_text("ZZ")
        return examine(file, cache, hear)

    examine = reading.examine
    monkeypatch.setattr(reading, "examine", grown)
    trees = TreeHashes()
    taken = snapshot.take(source, cache=StatCache(tmp_path / "cache"), trees=trees)
    assert taken.files["Zed.py"].endswith(":2")
    assert trees.get(taken.digest) is None


def test_of_an_unchanged_tree_nothing_is_read_when_both_are_known(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "GRANULARITY_NS", -(10**15))  # the files are old enough at once
    known, trees = StatCache(tmp_path / "cache"), TreeHashes()
    first = snapshot.take(source, cache=known)
    read: list[str] = []
    examine = reading.examine
    monkeypatch.setattr(reading, "examine", lambda file, *rest: (read.append(file.path), examine(file, *rest))[1])
    assert snapshot.take(source, cache=known, trees=trees) == first
    assert sorted(read) == sorted(FILES), "for the hash over the whole, every file is read"
    read.clear()
    assert snapshot.take(source, cache=known, trees=trees) == first
    assert read == []


def test_hashes_are_kept_when_they_are_saved_and_the_oldest_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "hashes.json"
    for number in range(250):
        hashes = TreeHashes(path)
        hashes.put(f"digest-{number}", f"hash-{number}")
        assert hashes.get(f"digest-{number}") == f"hash-{number}"
        assert TreeHashes(path).get(f"digest-{number}") is None
        hashes.save()
    assert TreeHashes(path).get("digest-249") == "hash-249"
    assert TreeHashes(path).get("digest-0") is None
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2, "hashes": {}}', '{"version": 1}'])
def test_a_damaged_cache_is_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hashes.json"
    path.write_text(content)
    hashes = TreeHashes(path)
    assert hashes.get("x") is None
    hashes.put("x", "y")
    hashes.save()
    assert TreeHashes(path).get("x") == "y"


def test_without_a_place_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hashes = TreeHashes()
    hashes.put("x", "y")
    hashes.save()
    assert list(tmp_path.iterdir()) == []
