"""Take a snapshot of a folder, and copy a folder that is still as the snapshot says."""

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
    """Read what a run from this folder would get; nothing is written, `cache` is only brought up to date in memory.

    So are `trees`: given them, they know the snapshot's hash in Azure ML afterwards, for which no file is read twice.
    `allow_secrets` accepts likely secrets, as `path` or `path:line`. Raises SnapshotError with every finding.
    """
    found, problems = _survey(source)
    if trees is None:
        read, unread = reading.examine_all(found, cache)
        taken = _snapshot(read)
    else:
        read, unread, taken = _read_as_tree(found, cache, trees)
    problems += unread
    allowed = frozenset(allow_secrets)
    suspect = sorted(path for path, (_, known) in read.items() if known.secrets)
    problems += [problem for path in suspect for problem in _suspicions(path, read[path][1], allowed)]
    if problems:
        raise SnapshotError(problems)
    return taken


def _read_as_tree(
    found: Sequence[SelectedFile], cache: StatCache, trees: TreeHashes
) -> tuple[dict[str, tuple[str, FileFacts]], list[str], Snapshot]:
    """As `examine_all`: nothing is read when all of it is known, else everything is, for a hash over the whole."""
    known = reading.recall_all(found, cache)
    taken = _snapshot(known)
    if len(known) == len(found) and trees.get(taken.digest):
        return known, [], taken
    tree = Tree(found)
    read, unread = reading.examine_all(tree.files, cache, tree.update)
    taken = _snapshot(read)
    if not unread and not tree.misfits(taken.files):
        trees.put(taken.digest, tree.hexdigest())
    return read, unread, taken


def _snapshot(read: Mapping[str, tuple[str, FileFacts]]) -> Snapshot:
    return Snapshot({path: read[path][0] for path in sorted(read)})


def copy(source: Path, destination: Path, *, expected_digest: str, manifest: Mapping[str, str]) -> None:
    """Copy the files of `source` to the new folder `destination`, which holds what `take` saw or does not appear.

    `expected_digest` and `manifest` are the snapshot's. What is written is hashed on its way, so a change between the
    two, or while the files are copied, is always noticed. Raises SnapshotError, or OSError if writing fails.
    """
    found = files(source)
    temporary = destination.with_name(f".{destination.name}.{uuid.uuid4().hex}")
    try:
        for folder in sorted({os.path.dirname(file.path) for file in found} | {""}):
            os.makedirs(temporary / folder, exist_ok=True)
        results = reading.each(found, lambda file: reading.duplicate(file, os.path.join(temporary, file.path)))
        for result in results:
            if isinstance(result, OSError) and not isinstance(result, FileNotFoundError):
                raise result
        copied = {f.path: r for f, r in zip(found, results, strict=True) if isinstance(r, str)}
        verify(source, copied, expected_digest=expected_digest, manifest=manifest)
        temporary.rename(destination)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def files(source: Path) -> list[SelectedFile]:
    """The files that a run from this folder gets, sorted by path. Raises SnapshotError where it would get none."""
    found, problems = _survey(source)
    if problems:
        raise SnapshotError(problems)
    return found


def verify(source: Path, read: Mapping[str, str], *, expected_digest: str, manifest: Mapping[str, str]) -> None:
    """Raise SnapshotError unless what was read (path → entry) is what the snapshot says."""
    now = Snapshot(dict(sorted(read.items())))
    if now.digest != expected_digest:
        raise SnapshotError([_changed(source, differences(manifest, now.manifest))])


def _survey(source: Path) -> tuple[list[SelectedFile], list[str]]:
    """The files to read and the findings about others; raises SnapshotError where reading makes no sense."""
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


def _suspicions(path: str, known: FileFacts, allowed: frozenset[str]) -> list[str]:
    return [
        f"{path}:{line} looks like a secret ({kind}), which would be stored with the run for everyone to read: pass it "
        "through the run's `secrets` instead; if it is none, end the line with `# pragma: allowlist secret` or add "
        f'"{path}:{line}" to `allow_secrets`'
        for line, kind in known.secrets
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
