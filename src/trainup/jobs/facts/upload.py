"""What is uploaded, or copied on this machine: files, bytes, the largest, what is kept out, what is there already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainup.jobs.facts.files import FileChange
from trainup.jobs.facts.wording import amount, size
from trainup.jobs.snapshot.kept_out import KeptOut

LARGEST = 10


@dataclass(frozen=True)
class Upload:
    """One content that a target gets: the code of a run, data of this machine, the context of an image."""

    what: str
    """`code`, `data pets`, `image context`."""
    path: str
    """Relative to the folder of Pulumi.yaml."""
    files: int
    bytes: int
    largest: Sequence[tuple[str, int]] = ()
    """(path, bytes) of the ten largest files."""
    kept_out: Sequence[KeptOut] = ()
    changes: Sequence[FileChange] | None = None
    """Against what was sent for the last run; None where nothing was, or where it is not known."""
    is_first: bool = True
    """Whether there is no former content to compare with."""
    is_there: bool | None = None
    """Whether the target has this content already; None where that is not known."""
    is_copied: bool = False
    """Whether it stays on this machine."""
    unknown: str = ""
    """Why `is_there` is not known, as half a sentence."""

    @property
    def travels(self) -> int | None:
        """Bytes that leave this machine; None where that is not known."""
        if self.is_copied or self.is_there:
            return 0
        return self.bytes if self.is_there is False else None

    @property
    def summary(self) -> str:
        """One line: `code (training): 12 files, 34.5 KB, 1 changed; the workspace has it already, 0 B travel`."""
        text = f"{self.what} ({self.path}): {amount(self.files, 'file')}, {size(self.bytes)}"
        if counts := self.counts:
            text += f", {counts}"
        return f"{text}; {self.fate}"

    @property
    def counts(self) -> str:
        """`1 added, 2 changed`; empty where there is nothing to compare with, or where that differs in nothing."""
        kinds = ("added", "changed", "renamed", "removed")
        counts = {kind: sum(change.kind == kind for change in self.changes or ()) for kind in kinds}
        return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)

    @property
    def fate(self) -> str:
        """What becomes of it."""
        if self.is_copied:
            return "copied on this machine, nothing is uploaded"
        if self.is_there:
            return "the workspace has it already, 0 B travel"
        if self.is_there is False:
            return f"{size(self.bytes)} travel"
        return f"at most {size(self.bytes)} travel ({self.unknown or 'whether it is there already is not known'})"


def largest(sizes: Mapping[str, int]) -> list[tuple[str, int]]:
    """The ten largest files."""
    return sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:LARGEST]
