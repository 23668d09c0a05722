"""Data on this machine is what is in it, not where it lies."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.input_assets import CONTENT
from trainup.jobs.local import data
from trainup.jobs.local.data import DataError
from trainup.jobs.snapshot import StatCache

FILES = st.dictionaries(st.text("ab", min_size=1, max_size=3), st.binary(max_size=5), min_size=1, max_size=4)


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "cache.json")


def folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@given(one=FILES, other=FILES)
def test_equal_contents_have_equal_digests_and_others_have_others(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    place = tmp_path_factory.mktemp("data")
    cache = StatCache(place / "cache.json")
    digests = [data.digest_of(folder(place / name, files), cache) for name, files in (("a", one), ("b/c", other))]
    assert (digests[0] == digests[1]) == (one == other)
    assert all(digest.startswith(CONTENT) for digest in digests)


def test_a_file_and_a_folder_that_holds_it_are_not_the_same(tmp_path: Path, cache: StatCache) -> None:
    folder(tmp_path / "d", {"x": b"1"})
    assert data.digest_of(tmp_path / "d" / "x", cache) != data.digest_of(tmp_path / "d", cache)


def test_a_link_stands_for_what_it_points_at(tmp_path: Path, cache: StatCache) -> None:
    plain = folder(tmp_path / "plain", {"sub/x": b"1", "y": b"2"})
    linked = folder(tmp_path / "linked", {"y": b"2"})
    (linked / "sub").symlink_to(plain / "sub")
    assert data.digest_of(linked, cache) == data.digest_of(plain, cache)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path, cache: StatCache) -> None:
    place = folder(tmp_path / "d", {"x": b"1"})
    (place / "gone").symlink_to("nowhere")
    (place / "loop").symlink_to(place)
    os.mkfifo(place / "pipe")
    with pytest.raises(DataError) as caught:
        data.digest_of(place, cache)
    told = str(caught.value)
    assert all(name in told for name in ("gone", "loop", "pipe"))


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_nothing_is_no_data(tmp_path: Path, cache: StatCache, make) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "d")
    with pytest.raises(DataError, match="no file"):
        data.digest_of(tmp_path / "d", cache)


def test_a_relative_path_that_begins_like_a_digest_is_data_like_any_other(
    tmp_path: Path, cache: StatCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "0123456789abcdef":
        Path(name).write_text("the same")
    assert len({data.digest_of(Path(name), cache) for name in "0123456789abcdef"}) == 1


def test_a_pointer_of_git_lfs_is_no_data(tmp_path: Path, cache: StatCache) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    place = folder(tmp_path / "data", {"a.npy": pointer.encode(), "b.npy": b"content"})
    for what in (place, place / "a.npy"):
        with pytest.raises(DataError, match=r"a\.npy is only a pointer .* `git lfs pull`"):
            data.digest_of(what, cache)
