"""Records which commands work on a stack, so that any process of this machine can tell whether they are still alive.

Pulumi's lock names a process by its id and host alone. A container has ids of its own and often the name of its host,
so that the id of a live command may belong to no process there, or to another one. So each of our commands keeps a
file in the backend, beside Pulumi's locks, while it works. The file has a POSIX record lock: all containers of a
machine see it, it survives the exec of the CLI, the CLI's children do not inherit it, and it ends with the process.
filelock (4.3) uses flock, whose lock the CLI's children would inherit.
"""

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from trainup.toolchain.backends import StateLocation

PROC = Path("/proc")
BOOT = PROC / "sys/kernel/random/boot_id"
ALL_SEEING = "pid:[4026531836]"
"""The machine's first process namespace (PROC_PID_INIT_INO of Linux), in which every process has an id."""
CLI = "pulumi"


class Life(Enum):
    """What is known about the process that holds a stack."""

    ALIVE = "alive"
    ELSEWHERE = "on another machine"
    UNSEEN = "in another container"
    """Perhaps on this machine, in a process namespace that is invisible from here."""
    DEAD = "dead"


def hold(location: StateLocation) -> None:
    """Write a locked file that shows others that this process, or the CLI that replaces it, is alive.

    Where the backend cannot be written or has no such locks, others have only the process id to go by.
    """
    folder = _folder(location)
    with contextlib.suppress(OSError):
        forget_dead(location)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = folder / f".{uuid.uuid4().hex}"
        holder = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.lockf(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(holder, json.dumps(_this_process()).encode())
            os.set_inheritable(holder, True)  # closing it would end the lock
            unfinished.replace(folder / f"{unfinished.name[1:]}.json")
        except OSError:
            os.close(holder)
            unfinished.unlink(missing_ok=True)


def judge(location: StateLocation, pid: int, host: str) -> Life:
    """Whether the process that a lock of Pulumi names is alive."""
    lives = [
        _life(file, holder_facts)
        for file, holder_facts in _holders(location)
        if (holder_facts["pid"], holder_facts["hostname"]) == (pid, host)
    ]
    if lives and Life.DEAD not in lives:
        return next(life for life in Life if life in lives)
    if host != socket.gethostname() and not lives:
        return Life.ELSEWHERE
    # By its file, our command is dead; but a CLI that we did not start may have got its process id since.
    life = Life.ALIVE if _is_cli(pid) else _life_in_any_container(pid)
    return Life.DEAD if lives and life is Life.UNSEEN else life


def forget_dead(location: StateLocation) -> None:
    """Remove the files of commands that have ended: their process ids may be used again."""
    for file, holder_facts in list(_holders(location)):
        if _life(file, holder_facts) is Life.DEAD:
            file.unlink(missing_ok=True)


def _folder(location: StateLocation) -> Path:
    return location.root / ".pulumi" / "holders" / location.project / location.stack


def _holders(location: StateLocation) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in _folder(location).glob("*.json"):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            holder_facts = json.loads(file.read_bytes())
            if (
                isinstance(holder_facts, dict)
                and isinstance(holder_facts.get("pid"), int)
                and isinstance(holder_facts.get("hostname"), str)
            ):
                yield file, holder_facts


def _life(file: Path, holder_facts: dict[str, Any]) -> Life:
    """The state of the process that wrote this file."""
    try:
        with file.open("rb") as holder:
            fcntl.lockf(holder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Life.ALIVE
    except OSError:
        return Life.UNSEEN
    here = _this_process()
    if here["boot"] and holder_facts.get("boot") == here["boot"]:
        return Life.DEAD
    # Written before this machine was restarted, or by another machine, whose locks we may not see.
    is_here = (holder_facts.get("machine"), holder_facts["hostname"]) == (here["machine"], here["hostname"])
    return Life.DEAD if is_here else Life.ELSEWHERE


def _this_process() -> dict[str, Any]:
    """What identifies this process; `boot` changes at each start of the machine. macOS has neither of the last two."""
    return {
        "pid": os.getpid(),
        "hostname": socket.gethostname(),
        "machine": _text(Path("/etc/machine-id")),
        "boot": _text(BOOT),
    }


def _text(file: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return file.read_text().strip()
    return ""


def _life_in_any_container(pid: int) -> Life:
    """Whether a Pulumi CLI has this process id in any namespace, as far as they are visible from here."""
    try:
        here = os.readlink(PROC / "self/ns/pid")
    except OSError:  # macOS has no such namespaces
        return Life.DEAD
    if here != ALL_SEEING:
        return Life.UNSEEN
    for folder in PROC.glob("[0-9]*"):
        numbers = next((line for line in _text(folder / "status").splitlines() if line.startswith("NSpid:")), "")
        if str(pid) in numbers.split()[1:] and CLI in _text(folder / "comm"):
            return Life.ALIVE
    return Life.DEAD


def _is_cli(pid: int) -> bool:
    """Whether the process is alive and a Pulumi CLI: process ids are used again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        name = (PROC / str(pid) / "comm").read_text()
    except FileNotFoundError:
        name = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True).stdout
    return CLI in name
