"""A source folder to snapshot."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainup.jobs.snapshot import Snapshot, SnapshotError, StatCache, take


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "pkg").mkdir(parents=True)
    (folder / "train.py").write_text("print('hello')\n")
    (folder / "pkg" / "model.py").write_text("LAYERS = 3\n")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "cache.json")


@pytest.fixture
def snapshot(source: Path, cache: StatCache) -> Callable[..., Snapshot]:
    return lambda *allowed: take(source, cache=cache, allow_secrets=allowed)


@pytest.fixture
def problems(snapshot: Callable[..., Snapshot]) -> Callable[..., list[str]]:
    """The findings about the source; none where it can be sent."""

    def found(*allowed: str) -> list[str]:
        try:
            snapshot(*allowed)
        except SnapshotError as error:
            return error.problems
        return []

    return found
