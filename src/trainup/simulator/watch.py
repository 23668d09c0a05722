"""Watches this process and its descendants for connections to other machines."""

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
"""Name of the program that builds the environments of images; it is the only one that may fetch packages."""


@dataclass
class Watch:
    """Connections to other machines as `program → address:port`, each listed once."""

    jobs: Path
    """Folder in which the jobs run."""

    environments: Path
    """Folder in which this process builds the environments of images."""

    strays: list[str] = field(default_factory=list)
    """Connections of the tools, which should have none."""

    scripts: list[str] = field(default_factory=list)
    """Connections of the jobs' scripts, which may download data sets."""

    builders: list[str] = field(default_factory=list)
    """Connections of uv while it fetches the packages of an image."""

    def look(self) -> None:
        """Check all connections once."""
        here = psutil.Process()
        for process in (here, *here.children(recursive=True)):
            try:
                lines = self._list_of(process)
                connections = [connection.raddr for connection in process.net_connections("inet") if connection.raddr]
                name = process.name()
            except psutil.Error:
                continue  # it has just ended
            for address in connections:
                line = f"{name} → {address.ip}:{address.port}"
                if not _is_here(address.ip) and line not in lines:
                    lines.append(line)

    def _list_of(self, process: psutil.Process) -> list[str]:
        """The list for the connections of a process."""
        started_here = process.name() == BUILDER and process.ppid() == os.getpid()
        if started_here and any(Path(word).is_relative_to(self.environments) for word in process.cmdline()):
            return self.builders
        return self.scripts if Path(process.cwd()).is_relative_to(self.jobs) else self.strays


def _is_here(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


@contextmanager
def watching(jobs: Path, environments: Path) -> Iterator[Watch]:
    """Check the connections every EVERY_SECONDS until the block ends; the trap catches shorter ones."""
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
