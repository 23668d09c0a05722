"""Which files differ between two snapshots: names, contents, folders of many files."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from trainup.jobs.facts.contents import RecordedContents, SourceContents, entry_of
from trainup.jobs.facts.files import compare
from trainup.jobs.local import code
from trainup.jobs.snapshot import Snapshot, StatCache, files, take

Texts = Mapping[str, str | bytes]


def written(folder: Path, texts: Texts) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def snapshot(folder: Path) -> Snapshot:
    return take(folder, cache=StatCache(folder.parent / "cache.json"))


def told(tmp_path: Path, before: Texts, now: Texts) -> list[str]:
    """What is told of two source folders, both contents at hand."""
    old, new = written(tmp_path / "old", before), written(tmp_path / "new", now)
    contents = RecordedContents(code.below(old)), SourceContents(files(new))
    return [change.text for change in compare(snapshot(old).manifest, snapshot(new).manifest, *contents)]


@pytest.mark.parametrize(
    ("before", "now", "texts"),
    [
        ({"a.py": "1\n"}, {"a.py": "1\n"}, []),
        ({"a.py": "1\n"}, {"a.py": "2\n3\n"}, ["a.py changed (+2 −1)"]),
        ({"a.py": "1\n"}, {"a.py": "1\n", "b/c.py": "3\n"}, ["b/c.py added"]),
        ({"a.py": "1\n", "b.py": "2\n"}, {"a.py": "1\n"}, ["b.py removed"]),
        ({"a.py": "1\n", "b.py": "2\n"}, {"a.py": "1\n", "lib/b.py": "2\n"}, ["b.py renamed to lib/b.py"]),
        ({"a.bin": b"\0\1"}, {"a.bin": b"\0\2\3"}, ["a.bin changed (binary, 2 B → 3 B)"]),
        ({"a.py": "1\r\n"}, {"a.py": "1\n"}, ["a.py changed (line ends CRLF → LF)"]),
        ({"日本 ö.py": "1\n"}, {"日本 ö.py": "2\n"}, ["日本 ö.py changed (+1 −1)"]),
        ({"a.py": ""}, {"b.py": ""}, ["b.py added", "a.py removed"]),
        ({"a.py": "x\n", "b.py": "x\n"}, {"c.py": "x\n"}, ["c.py added", "a.py removed", "b.py removed"]),
    ],
)
def test_each_difference_is_told_in_words(tmp_path: Path, before: Texts, now: Texts, texts: list[str]) -> None:
    assert told(tmp_path, before, now) == texts


def test_a_link_stands_for_its_target(tmp_path: Path) -> None:
    for name, text in (("old", "1\n"), ("new", "2\n")):
        (written(tmp_path / name, {"a.py": text}) / "link.py").symlink_to("a.py")
    assert told(tmp_path, {}, {}) == ["a.py changed (+1 −1)", "link.py changed (+1 −1)"]


MANY = {f"many/{number:04}.txt": f"{number}\n" for number in range(600)}


def test_in_a_folder_of_many_files_those_that_differ_are_named(tmp_path: Path) -> None:
    now = {**MANY, "many/0007.txt": "seven\n", "many/new.txt": "x\n"}
    assert told(tmp_path, MANY, now) == ["many/0007.txt changed (+1 −1)", "many/new.txt added"]


def test_a_folder_that_became_one_of_many_files_is_compared_with_what_it_was(tmp_path: Path) -> None:
    few = {name: MANY[name] for name in list(MANY)[:3]}
    assert told(tmp_path, few, MANY) == ["many/ changed (3 → 600 files, 6 B → 2.2 KB)"]


def test_without_the_former_contents_sizes_are_told(tmp_path: Path) -> None:
    old, new = written(tmp_path / "old", MANY), written(tmp_path / "new", {**MANY, "many/x": "1", "a.py": "1"})
    texts = [change.text for change in compare(snapshot(old).manifest, snapshot(new).manifest)]
    assert texts == ["many/ changed (600 → 601 files, 2.2 KB → 2.2 KB)", "a.py added"]


def test_former_files_that_a_run_has_written_over_are_not_at_hand(tmp_path: Path) -> None:
    old, new = written(tmp_path / "old", {"a.py": "1\n"}), written(tmp_path / "new", {"a.py": "2\n"})
    before = snapshot(old).manifest
    (old / "a.py").write_text("written by the run\n")
    contents = RecordedContents(code.below(old)), SourceContents(files(new))
    (change,) = compare(before, snapshot(new).manifest, *contents)
    assert (change.text, change.lines.shown) == ("a.py changed (2 B → 2 B)", ())


def test_no_more_is_read_than_the_limit_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainup.jobs.facts.contents.MOST_BYTES", 3)
    old = RecordedContents(code.below(written(tmp_path / "old", {"a": "12", "b": "34"})))
    assert (old.read("a", entry_of(b"12")), old.is_limited) == (b"12", False)
    assert (old.read("b", entry_of(b"34")), old.is_limited) == (None, True)
