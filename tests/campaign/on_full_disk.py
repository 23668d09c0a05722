"""A disk that is full when the CLI writes the stack's state: a file system of its own for the backend, in memory."""

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.campaign.stacks import Stack, campaign
from tests.campaign.tally import Skipped, Tally
from tests.support.checkout import Checkout

FILLS_PER_STACK = 3
SIZE = 64 << 20
"""Bytes: our command begins nothing where less than 32 MiB are free."""
FILLING = ("sh", "-c", 'file=$1; size=$2; shift 2; fallocate -l "$size" "$file"; exec "$@"', "sh")
"""Before a file, its size and a command."""
MOST_FREE = 128 << 10
"""Bytes: an `up` writes about as many."""


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Each stack meets a full disk some times, and an `up` that has to succeed once space is free again."""
    return campaign(folder, seed, kills, "disk", _one_stack)


def _one_stack(checkout: Checkout, name: str, chance: random.Random, tally: Tally) -> None:
    backend = checkout.folder / ".trainup" / "backend"
    with _file_system(backend):
        stack = Stack(checkout, name)
        for _ in range(FILLS_PER_STACK):
            free = int(MOST_FREE * chance.random() ** 3)  # mostly little
            if chance.random() < 0.5:
                when = "before the CLI starts"  # our command has looked at the free space, and somebody else takes it
                running = stack.start("up", under=[*FILLING, str(backend / "ballast"), str(_too_much(backend, free))])
            else:
                when = "while `up`"
                running = stack.begun(chance)
                _fill(backend, free)
            if running.finish().code == 0:
                break  # what it had to write was written, or found room
            tally.killed(when)
            (backend / "ballast").unlink(missing_ok=True)
        (backend / "ballast").unlink(missing_ok=True)
        if stack.comes_to_its_end(tally):
            stack.is_removed(tally)


@contextlib.contextmanager
def _file_system(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "trainup-campaign", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except OSError as error:
        raise Skipped(f"no file system can be mounted: {error}") from error
    if done.returncode:
        raise Skipped(f"no file system can be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(folder: Path, free: int) -> None:
    """Leave so many bytes."""
    with (folder / "ballast").open("wb") as file, contextlib.suppress(OSError):  # something else took its share
        os.posix_fallocate(file.fileno(), 0, _too_much(folder, free))


def _too_much(folder: Path, free: int) -> int:
    """How many bytes are more than what is to be free."""
    there = os.statvfs(folder)
    return max(there.f_bavail * there.f_frsize - free, 1)
