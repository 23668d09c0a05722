"""What a run gets of its source folder: selected as git does, limited, free of secrets, and known by its digest."""

from trainup.jobs.snapshot.cache import StatCache
from trainup.jobs.snapshot.errors import SnapshotError
from trainup.jobs.snapshot.taking import Snapshot, copy, files, take, verify

__all__ = ["Snapshot", "SnapshotError", "StatCache", "copy", "files", "take", "verify"]
