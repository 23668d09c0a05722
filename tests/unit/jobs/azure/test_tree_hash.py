"""The hash by which Azure ML knows code."""

from pathlib import Path

import pytest

from trainup.jobs import snapshot
from trainup.jobs.azure.tree_hash import TreeHashes, tree_hash
from trainup.jobs.snapshot import StatCache

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


def test_hashes_are_remembered_and_the_oldest_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "hashes.json"
    for number in range(250):
        TreeHashes(path).put(f"digest-{number}", f"hash-{number}")
    assert TreeHashes(path).get("digest-249") == "hash-249"
    assert TreeHashes(path).get("digest-0") is None
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2, "hashes": {}}', '{"version": 1}'])
def test_a_damaged_cache_is_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hashes.json"
    path.write_text(content)
    assert TreeHashes(path).get("x") is None
    TreeHashes(path).put("x", "y")
    assert TreeHashes(path).get("x") == "y"


def test_without_a_place_nothing_is_remembered() -> None:
    hashes = TreeHashes()
    hashes.put("x", "y")
    assert hashes.get("x") is None
