"""Ids of this machine and of its current boot."""

import contextlib
import platform
import uuid
from pathlib import Path

from trainup.core.canonical import sha256


def boot_id() -> str:
    """A name for what this machine's kernel has run since its start, the same in all its containers; empty on macOS."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def machine_id() -> str:
    """A name for this machine that outlives restarts, the same for every process on it; 16 hexadecimal digits."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError):
            if text := Path(path).read_text(encoding="ascii").strip():
                return sha256(text)[:16]
    node = uuid.getnode()
    # Bit 40 set means that the number is random, made anew by every process (RFC 4122, 4.5).
    hardware = "" if node >> 40 & 1 else str(node)
    return sha256([platform.node(), hardware])[:16]
