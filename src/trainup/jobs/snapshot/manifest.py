"""The short form of a snapshot that is shown in previews and kept in the state."""

from collections import Counter
from collections.abc import Iterator, Mapping

from trainup.core import canonical

MOST_FILES_OF_A_FOLDER = 500
"""A folder with more files is one entry."""


def fold(files: Mapping[str, str]) -> dict[str, str]:
    """Fold each topmost folder with too many files: `{"folder/": "<sha256 over its files>:N files, S bytes"}`.

    What is left are the files themselves: `{"path": "<sha256>:<bytes>"}`.
    """
    counts = Counter(folder for path in files for folder in _folders(path))
    manifest: dict[str, str] = {}
    folded: dict[str, dict[str, str]] = {}
    for path, entry in files.items():
        folder = next((name for name in _folders(path) if counts[name] > MOST_FILES_OF_A_FOLDER), None)
        if folder is None:
            manifest[path] = entry
        else:
            folded.setdefault(folder, {})[path.removeprefix(folder)] = entry
    for folder, inside in folded.items():
        size = sum(int(entry.rpartition(":")[2]) for entry in inside.values())
        manifest[folder] = f"{canonical.sha256(inside)}:{len(inside)} files, {size} bytes"
    return dict(sorted(manifest.items()))


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Name what differs between two manifests."""
    changed = [f"{name} (changed)" for name in old.keys() & new.keys() if old[name] != new[name]]
    removed = [f"{name} (removed)" for name in old.keys() - new.keys()]
    added = [f"{name} (added)" for name in new.keys() - old.keys()]
    return sorted(changed + removed + added)


def _folders(path: str) -> Iterator[str]:
    """The folders that a file is in, the topmost first, with a final slash."""
    position = path.find("/")
    while position >= 0:
        yield path[: position + 1]
        position = path.find("/", position + 1)
