"""The caches of file digests that handlers keep in the project's folder, each loaded once."""

from pathlib import Path

from trainup.jobs.snapshot import StatCache
from trainup.provider.handler import Context

SOURCES = "snapshots.json"
"""Of source folders; its entries also say that a file was searched for secrets."""
DATA = "data.json"
BUILD_CONTEXTS = "build-contexts.json"


class StatCaches:
    """One kind of cache, of every project that calls come from."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._by_path: dict[Path, StatCache] = {}

    def of(self, context: Context) -> StatCache:
        """The cache of the project of this call."""
        path = context.project / ".trainup" / self._file
        if path not in self._by_path:
            self._by_path[path] = StatCache.load(path)
        return self._by_path[path]
