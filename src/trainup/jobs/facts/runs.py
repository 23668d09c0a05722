"""What differs between two recorded runs: code, inputs, packages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainup.core import package_lists
from trainup.jobs.facts import files
from trainup.jobs.facts.contents import BY_MD5, RecordedContents, entry_of
from trainup.jobs.facts.files import FileChange
from trainup.jobs.facts.why import Reason, Surroundings, reasons
from trainup.jobs.snapshot import Snapshot
from trainup.jobs.target import Definition, File


@dataclass(frozen=True)
class Code:
    """The code of an attempt: its files as the target lists them."""

    files: Sequence[File]
    manifest: Mapping[str, str]
    is_exact: bool = True
    """False where the files are no longer those that the run began with."""


@dataclass(frozen=True)
class Comparison:
    """The differences between two recorded runs."""

    files: Sequence[FileChange]
    reasons: Sequence[Reason]
    packages: Sequence[str]
    """What differs in the packages, in words."""
    notes: Sequence[str]
    """What the records do not have."""


def compare(
    names: tuple[str, str],
    definitions: tuple[Definition, Definition],
    files_of: tuple[Sequence[File] | None, Sequence[File] | None],
    secrets: Sequence[str] = (),
) -> Comparison:
    """The differences. `files_of` is the code of each, None where it is not at hand. Raises TargetError."""
    old, new = definitions
    notes = [f"{key} is not in the record" for key in sorted({*old.unknown, *new.unknown})]
    changes: list[FileChange] = []
    if files_of[0] is not None and files_of[1] is not None:
        before, now = codes((files_of[0], files_of[1]), definitions)
        changes = files.compare(
            before.manifest, now.manifest, RecordedContents(before.files), RecordedContents(now.files), secrets
        )
        for name, code in zip(names, (before, now), strict=True):
            if not code.is_exact:
                notes.append(
                    f"{name} wrote into the folder of its code: files that it wrote or changed are compared too"
                )
    packages: list[str] = []
    if old.packages is not None and new.packages is not None:
        packages = package_lists.changes(old.packages, new.packages)
    elif old.inputs.get("image") != new.inputs.get("image"):
        notes.append("the packages of the images are not recorded")
    known: dict[Any, Sequence[str] | None] = {one.inputs.get("image"): one.packages for one in definitions}
    told = reasons(_compared(old.inputs, new), _compared(new.inputs, old), Surroundings(packages=known.get))
    return Comparison(changes, told, packages, notes)


def codes(
    listed: tuple[Sequence[File], Sequence[File]], definitions: tuple[Definition, Definition]
) -> tuple[Code, Code]:
    """The code of both with manifests that can be compared: by MD5 where the target knows those of all files."""
    if all(file.md5 for side in listed for file in side):
        first, second = ({file.path: f"{BY_MD5}{file.md5}:{file.size}" for file in side} for side in listed)
        return Code(listed[0], first), Code(listed[1], second)
    read = [{file.path: entry_of(b"".join(file.pieces())) for file in side} for side in listed]
    exact = [
        one.snapshot is None or Snapshot(dict(sorted(manifest.items()))).digest == one.snapshot
        for one, manifest in zip(definitions, read, strict=True)
    ]
    return Code(listed[0], read[0], exact[0]), Code(listed[1], read[1], exact[1])


def _compared(inputs: Mapping[str, Any], other: Definition) -> dict[str, Any]:
    """The inputs that both records have."""
    return {key: value for key, value in inputs.items() if key not in other.unknown}
