"""What a run gets of its source folder: selected as git does, limited, free of secrets, and known by its digest.

Each name is loaded when it is first used (`tests/contract/test_house.py` says why).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainup.jobs.snapshot.cache import StatCache
    from trainup.jobs.snapshot.errors import SnapshotError
    from trainup.jobs.snapshot.taking import Snapshot, copy, files, take, verify
    from trainup.jobs.snapshot.tree_hash import TreeHashes

__all__ = ["Snapshot", "SnapshotError", "StatCache", "TreeHashes", "copy", "files", "take", "verify"]

_MODULES = {"SnapshotError": "errors", "StatCache": "cache", "TreeHashes": "tree_hash"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'taking')}"), name)
