"""This machine: what is measured of it, and what of that is too little."""

import fcntl
import os
import resource
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trainup.cli.doctor.finding import Finding, Machine, Patient, error, ok, warning
from trainup.core import disk
from trainup.jobs.local import room
from trainup.toolchain.paths import is_writable

MIB = 2**20
LEAST_SHARED = 64 * MIB
"""The memory that a container has for processes to share; PyTorch's loaders of data take more."""
LEAST_MEMORY = 1024 * MIB
LEAST_FILES = 1024
LEAST_PROCESSES = 256
LEAST_ON_AZURE = 512 * MIB
"""Disk for the state, and for what is packed before it is sent."""
SHARED = Path("/dev/shm")


def measure(root: Path) -> Machine:
    """Measure this machine, and change nothing."""
    return Machine(
        free=disk.free_bytes(root / ".trainup"),
        memory=_available_memory(),
        shared=shutil.disk_usage(SHARED).free if SHARED.is_dir() else None,
        open_files=_limit(resource.RLIMIT_NOFILE),
        processes=_limit(resource.RLIMIT_NPROC),
        gpus=_gpus(),
    )


def _limit(kind: int) -> int | None:
    soft, _ = resource.getrlimit(kind)
    return None if soft == resource.RLIM_INFINITY else soft


def _available_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _gpus() -> tuple[tuple[str, str, str], ...] | None:
    program = shutil.which("nvidia-smi")
    if not program:
        return ()
    words = [program, "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=15, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [tuple(part.strip() for part in line.split(",")) for line in result.stdout.splitlines() if line.strip()]
    return tuple((row[0], row[1], row[2]) for row in rows if len(row) == 3)


def space(patient: Patient) -> Iterator[Finding]:
    """Whether the disk has room for environments, runs and the state."""
    free, folder = patient.machine.free, patient.root / ".trainup"
    needed = room.SPARE + of_environment(patient) if patient.is_local else LEAST_ON_AZURE
    tried, came = f"room where {folder} lies", f"{free / MIB:,.0f} MiB are free"
    if free >= needed:
        yield ok(tried, came)
        return
    mend = f"free space: `du -xh {folder} | sort -h | tail` shows the largest folders"
    yield warning(tried, f"{came}, and about {needed / MIB:,.0f} MiB are needed", mend)


def of_environment(patient: Patient) -> int:
    """Bytes of the stack's environment on this machine, roughly."""
    from trainup.jobs.local.recipe import read_recipe

    path = patient.settings.image.requirements if patient.settings else None
    recipe, _ = read_recipe(patient.root / path if path else None)
    return room.of_environment(recipe.lines)


def memory(patient: Patient) -> Iterator[Finding]:
    """Memory, and what processes share of it."""
    machine = patient.machine
    for tried, amount, least, mend in (
        ("memory", machine.memory, LEAST_MEMORY, "end other programs: `ps -eo rss,comm --sort -rss | head` lists them"),
        (
            "shared memory in /dev/shm",
            machine.shared,
            LEAST_SHARED,
            "give the container more: `docker run --shm-size 8g`",
        ),
    ):
        if amount is None:
            continue
        came = f"{amount / MIB:,.0f} MiB are free"
        yield ok(tried, came) if amount >= least else warning(tried, f"{came}; {least / MIB:,.0f} MiB are little", mend)


def limits(patient: Patient) -> Iterator[Finding]:
    """Limits of the user's processes."""
    machine = patient.machine
    for tried, limit, least, option in (
        ("open files at once", machine.open_files, LEAST_FILES, "n"),
        ("processes of this user", machine.processes, LEAST_PROCESSES, "u"),
    ):
        if limit is None or limit >= least:
            yield ok(tried, "no limit" if limit is None else f"{limit:,} are allowed")
        else:
            yield warning(tried, f"{limit:,} are allowed, and runs may take {least:,}", f"ulimit -{option} {least}")


def files(patient: Patient) -> Iterator[Finding]:
    """Whether `.trainup` can be written, and its file system does what records of runs need."""
    folder = patient.root / ".trainup"
    tried = f"locks, links and renames in {folder}"
    place = folder if folder.is_dir() else patient.root
    if not is_writable(place):
        yield error(tried, f"{place} cannot be written", f"chmod u+w {place}, or work in a folder of your own")
        return
    try:
        lacks = list(_lacks(place))
    except OSError as problem:
        yield error(tried, f"a file cannot be made there: {problem}", f"chmod -R u+w {place}, or free space")
        return
    if lacks:
        yield error(tried, f"the file system has no {', '.join(lacks)}", "put the project on a local disk")
    else:
        yield ok(tried, "all of them work")


def _lacks(place: Path) -> Iterator[str]:
    """What a file system cannot do, tried in a folder that is removed again."""
    with tempfile.TemporaryDirectory(dir=place, prefix=".doctor.") as temporary:
        one, other = Path(temporary, "one"), Path(temporary, "other")
        one.write_text("1")
        other.write_text("2")
        for name, action in (
            ("locks (flock)", lambda: _lock(one, fcntl.flock)),
            ("record locks (fcntl)", lambda: _lock(one, fcntl.lockf)),
            ("hard links", lambda: os.link(one, Path(temporary, "hard"))),
            ("symbolic links", lambda: os.symlink(one, Path(temporary, "soft"))),
            ("renames over a file", lambda: one.replace(other)),
        ):
            try:
                action()
            except OSError:
                yield name


def _lock(path: Path, lock: object) -> None:
    with path.open("r+") as file:
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[operator]


def ports(patient: Patient) -> Iterator[Finding]:
    """Whether servers can listen on this machine, as the pages of the runs do."""
    tried = "a port of 127.0.0.1"
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield ok(tried, f"{server.getsockname()[1]} can be used")
    except OSError as problem:
        yield error(
            tried, f"nothing can listen there: {problem}", "allow it, or set `trainup:workspace: {tracking: none}`"
        )
