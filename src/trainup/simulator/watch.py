"""Looks at the connections of this process and of all that it has started, for one that leads off this machine."""

import ipaddress
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

EVERY_SECONDS = 0.2
BUILDER = "uv"
"""Stands for Azure's build machines while it builds the environment of an image: nothing else may fetch packages."""


@dataclass
class Watch:
    """What was seen: `program → address:port` of every connection to elsewhere, each once."""

    jobs: Path
    """Folder in which the jobs' scripts work."""

    environments: Path
    """Folder in which this very process builds the environments of images."""

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
                seen = self._list_of(process)
                told = [connection.raddr for connection in process.net_connections("inet") if connection.raddr]
                name = process.name()
            except psutil.Error:
                continue  # it has just ended
            for address in told:
                line = f"{name} → {address.ip}:{address.port}"
                if not _is_here(address.ip) and line not in seen:
                    seen.append(line)

    def _list_of(self, process: psutil.Process) -> list[str]:
        """Where a process's connections belong."""
        started_here = process.name() == BUILDER and process.ppid() == os.getpid()
        if started_here and any(Path(word).is_relative_to(self.environments) for word in process.cmdline()):
            return self.builders
        return self.scripts if Path(process.cwd()).is_relative_to(self.jobs) else self.strays


def _is_here(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


@contextmanager
def watching(jobs: Path, environments: Path) -> Iterator[Watch]:
    """Look again and again until the block ends. What is shorter than the pauses is for the trap to catch."""
    watch, over = Watch(jobs.resolve(), environments.resolve()), threading.Event()

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
