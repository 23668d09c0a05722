"""What a run gets of its source folder: selected as git does, limited, free of secrets, and known by its digest."""

from trainup.jobs.snapshot.cache import StatCache
from trainup.jobs.snapshot.errors import SnapshotError
from trainup.jobs.snapshot.taking import Snapshot, copy, files, take, verify
from trainup.jobs.snapshot.tree_hash import TreeHashes

__all__ = ["Snapshot", "SnapshotError", "StatCache", "TreeHashes", "copy", "files", "take", "verify"]
