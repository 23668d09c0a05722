"""What the doctor finds: what was tried, what came, and the command that mends it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any


class Level(IntEnum):
    """How bad it is; the worst one is the exit code."""

    OK = 0
    WARNING = 1
    """`up` may work."""
    ERROR = 2
    """`up` cannot work."""


@dataclass(frozen=True)
class Finding:
    """The result of one thing that was tried."""

    level: Level
    tried: str
    came: str
    mend: str = ""
    """A command, or what else to do; empty where nothing is to be done."""


def ok(tried: str, came: str) -> Finding:
    """It works."""
    return Finding(Level.OK, tried, came)


def warning(tried: str, came: str, mend: str) -> Finding:
    """It may become a problem."""
    return Finding(Level.WARNING, tried, came, mend)


def error(tried: str, came: str, mend: str) -> Finding:
    """It stops `up`."""
    return Finding(Level.ERROR, tried, came, mend)


@dataclass(frozen=True)
class Machine:
    """What is measured of this machine. None where this machine does not tell."""

    free: int
    """Bytes free where the workspace lies."""
    memory: int | None
    """Bytes of memory that are available."""
    shared: int | None
    """Bytes free in /dev/shm."""
    open_files: int | None
    processes: int | None
    """The most open files, and processes, that the user may have."""
    gpus: tuple[tuple[str, str, str], ...] | None = ()
    """Name, driver and compute capability of each GPU; None where `nvidia-smi` fails."""


@dataclass(frozen=True)
class Patient:
    """What the checks look at."""

    root: Path
    """The folder of Pulumi.yaml."""
    stack: str
    is_local: bool
    settings: Any
    """The stack's settings (`TargetSettings`); None where they are wrong."""
    machine: Machine
    variables: dict[str, str]


@dataclass(frozen=True)
class Check:
    """One thing to try. It may take `seconds`, and is left out where one of `after` did not work."""

    name: str
    run: Callable[[Patient], Iterable[Finding]]
    after: tuple[str, ...] = ()
    seconds: float = 20
