"""Checks that the disk has room for a stack's state: on a full disk it would be cut off or miss what was done."""

from collections.abc import Sequence

from trainup.core import disk
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.paths import SetupError

WRITES = frozenset({"up", "update", "watch", "import"})
"""Operations that create resources. Others are not checked: they may be the ones that free space."""
COPIES = 6
"""How often an operation writes the state: itself, the one before, and copies of both in history and backups."""
LEAST = 32 * 2**20


def check(location: StateLocation, words: Sequence[str]) -> None:
    """Raise SetupError where the disk has too little room to save the state of an operation."""
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
