"""Whether the disk has room for a stack's state: one that is full would cut it off, or keep what was done out of it."""

from collections.abc import Sequence

from trainup.core import disk
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.paths import SetupError

WRITES = frozenset({"up", "update", "watch", "import"})
"""Operations that make something. What removes or looks is let through: it may be what frees space."""
COPIES = 6
"""An operation writes the state itself, the one before, and a copy of both into history and backups."""
LEAST = 32 * 2**20


def check(location: StateLocation, words: Sequence[str]) -> None:
    """Raise SetupError where an operation would not have the room to save what it did."""
    if not words or words[0] not in WRITES:
        return
    size = location.state.stat().st_size if location.state else 0
    needed = max(COPIES * size, LEAST)
    free = disk.free_bytes(location.root)
    if free < needed:
        raise SetupError(
            f"{free / 2**20:,.0f} MiB are free where {location.root} lies, and stack {location.stack!r} may need "
            f"{needed / 2**20:,.0f} MiB to save its state: free some space, then repeat the command; nothing was begun"
        )
