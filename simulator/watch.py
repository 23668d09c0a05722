"""Looks at the connections of this process and of all that it has started, for one that leads off this machine."""

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

EVERY_SECONDS = 0.2
BUILDERS = frozenset({"uv"})
"""They stand for Azure's build machines, which fetch packages for an image."""


@dataclass
class Watch:
    """What was seen: `program → address:port` of every connection to elsewhere, each once."""

    jobs: Path
    """Folder in which the jobs' scripts work."""

    strays: list[str] = field(default_factory=list)
    """Of the tools: none of them has anything to look for there."""

    scripts: list[str] = field(default_factory=list)
    """Of the jobs' own scripts, which may download what they learn from."""

    builders: list[str] = field(default_factory=list)
    """Of what fetches packages for an image."""

    def look(self) -> None:
        """Look once."""
        here = psutil.Process()
        for process in (here, *here.children(recursive=True)):
            try:
                name, folder = process.name(), Path(process.cwd())
                told = [connection.raddr for connection in process.net_connections("inet") if connection.raddr]
            except psutil.Error:
                continue  # it has just ended
            seen = self.strays
            if name in BUILDERS:
                seen = self.builders
            elif folder.is_relative_to(self.jobs):
                seen = self.scripts
            for address in told:
                line = f"{name} → {address.ip}:{address.port}"
                if not _is_here(address.ip) and line not in seen:
                    seen.append(line)


def _is_here(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


@contextmanager
def watching(jobs: Path) -> Iterator[Watch]:
    """Look again and again until the block ends. What is shorter than the pauses is for the trap to catch."""
    watch, over = Watch(jobs.resolve()), threading.Event()

    def work() -> None:
        while not over.wait(EVERY_SECONDS):
            watch.look()

    thread = threading.Thread(target=work, name="watch")
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
