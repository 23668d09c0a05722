"""Takes snapshots of a folder, and copies a folder after checking that it still equals its snapshot."""

import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trainup.core import canonical
from trainup.jobs.snapshot import limits, reading
from trainup.jobs.snapshot.cache import FileFacts, StatCache
from trainup.jobs.snapshot.errors import SnapshotError
from trainup.jobs.snapshot.manifest import differences, fold
from trainup.jobs.snapshot.selection import SelectedFile, select
from trainup.jobs.snapshot.tree_hash import Tree, TreeHashes

MOST_NAMED = 20


@dataclass(frozen=True)
class Snapshot:
    """The files that a run gets, as they were when they were read."""

    files: Mapping[str, str]
    """Path → `<sha256>:<bytes>`, sorted by path."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical form of `files`."""
        return canonical.sha256(dict(self.files))

    @cached_property
    def manifest(self) -> dict[str, str]:
        """`files`, with folders of more than 500 files folded into one entry each."""
        return fold(self.files)


def take(
    source: Path, *, cache: StatCache, allow_secrets: Sequence[str] = (), trees: TreeHashes | None = None
) -> Snapshot:
    """Read the files that a run from this folder would get. Writes nothing: `cache` and `trees` change in memory only.

    If `trees` is set, the snapshot's hash in Azure ML is added to it; no file is read twice for that. `allow_secrets`
    lists likely secrets to accept, as `path` or `path:line`. Raises SnapshotError with every finding.
    """
    selected, problems = _survey(source)
    if trees is None:
        read, unread = reading.examine_all(selected, cache)
        snapshot = _snapshot(read)
    else:
        read, unread, snapshot = _read_as_tree(selected, cache, trees)
    problems += unread
    allowed = frozenset(allow_secrets)
    suspects = sorted(path for path, (_, facts) in read.items() if facts.secrets)
    problems += [problem for path in suspects for problem in _suspicions(path, read[path][1], allowed)]
    if problems:
        raise SnapshotError(problems)
    return snapshot


def _read_as_tree(
    selected: Sequence[SelectedFile], cache: StatCache, trees: TreeHashes
) -> tuple[dict[str, tuple[str, FileFacts]], list[str], Snapshot]:
    """As `examine_all`, but reads either no file (all are cached) or every file, for the hash over the whole tree."""
    cached = reading.recall_all(selected, cache)
    snapshot = _snapshot(cached)
    if len(cached) == len(selected) and trees.get(snapshot.digest):
        return cached, [], snapshot
    tree = Tree(selected)
    read, unread = reading.examine_all(tree.files, cache, tree.update)
    snapshot = _snapshot(read)
    if not unread and not tree.misfits(snapshot.files):
        trees.put(snapshot.digest, tree.hexdigest())
    return read, unread, snapshot


def _snapshot(read: Mapping[str, tuple[str, FileFacts]]) -> Snapshot:
    return Snapshot({path: read[path][0] for path in sorted(read)})


def copy(source: Path, destination: Path, *, expected_digest: str, manifest: Mapping[str, str]) -> None:
    """Copy the files of `source` to the new folder `destination`, which holds what `take` saw or does not appear.

    `expected_digest` and `manifest` are the snapshot's. What is written is hashed on its way, so a change between the
    two, or while the files are copied, is always noticed. Raises SnapshotError, or OSError if writing fails.
    """
    selected = files(source)
    temporary = destination.with_name(f".{destination.name}.{uuid.uuid4().hex}")
    try:
        for folder in sorted({os.path.dirname(file.path) for file in selected} | {""}):
            os.makedirs(temporary / folder, exist_ok=True)
        results = reading.each(selected, lambda file: reading.duplicate(file, os.path.join(temporary, file.path)))
        for result in results:
            if isinstance(result, OSError) and not isinstance(result, FileNotFoundError):
                raise result
        copied = {f.path: r for f, r in zip(selected, results, strict=True) if isinstance(r, str)}
        verify(source, copied, expected_digest=expected_digest, manifest=manifest)
        temporary.rename(destination)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def files(source: Path) -> list[SelectedFile]:
    """The files that a run from this folder gets, sorted by path. Raises SnapshotError where it would get none."""
    selected, problems = _survey(source)
    if problems:
        raise SnapshotError(problems)
    return selected


def verify(source: Path, read: Mapping[str, str], *, expected_digest: str, manifest: Mapping[str, str]) -> None:
    """Raise SnapshotError unless what was read (path → entry) is what the snapshot says."""
    snapshot = Snapshot(dict(sorted(read.items())))
    if snapshot.digest != expected_digest:
        raise SnapshotError([_changed(source, differences(manifest, snapshot.manifest))])


def _survey(source: Path) -> tuple[list[SelectedFile], list[str]]:
    """(files to read, findings about other files). Raises SnapshotError if there is no need to read any."""
    root = os.path.realpath(source)
    if not os.path.isdir(root):
        what = "is not a folder" if os.path.lexists(root) else "does not exist"
        raise SnapshotError(
            [f"the source folder {source} {what}: `source` names the folder of the run's code, relative to Pulumi.yaml"]
        )
    selection = select(root)
    problems = selection.problems + limits.exceeded(selection.files)
    if not selection.files and not problems:
        problems.append(
            f"the source folder {source} has no file that a run would get: it is empty, or its ignore files exclude "
            "everything. Put the code there, or change .gitignore (an .amlignore takes its place)"
        )
    if len(problems) > len(selection.problems) or not selection.files:
        raise SnapshotError(problems)
    return selection.files, problems


def _suspicions(path: str, facts: FileFacts, allowed: frozenset[str]) -> list[str]:
    return [
        f"{path}:{line} looks like a secret ({kind}), which would be stored with the run for everyone to read: pass it "
        "through the run's `secrets` instead; if it is none, end the line with `# pragma: allowlist secret` or add "
        f'"{path}:{line}" to `allow_secrets`'
        for line, kind in facts.secrets
        if allowed.isdisjoint((path, f"{path}:{line}"))
    ]


def _changed(source: Path, names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED]) or "which ones cannot be told"
    if len(names) > MOST_NAMED:
        shown += f" and {len(names) - MOST_NAMED} more"
    return (
        f"files of {source} changed between the preview and the start of the run: {shown}. A run gets exactly what the "
        "preview showed: run `pulumi up` again"
    )
