"""The snapshot of a large source folder, with its hash in Azure ML: first seen, and unchanged."""

import random
import subprocess
import time
from pathlib import Path

from bench.measure import Row, alternate, row
from tests.support import official
from trainup.jobs import snapshot

FILES = 2_000
BYTES = 300_000_000
REPEATS = 7
TIMES = 10
"""An unchanged folder is told so quickly that once would be too short to measure."""
HASH = Path(__file__).parent / "official" / "hash.py"
HASHES_OF_A_SUBMIT = 2
"""The official client hashes the code when it resolves a job, and again when it uploads."""


def run(folder: Path) -> list[Row]:
    """2,000 files of 300 MB in all."""
    source = folder / "source"
    _write(source)
    cache, trees = snapshot.StatCache(folder / "cache.json"), snapshot.TreeHashes(folder / "trees.json")
    snapshot.take(source, cache=cache, trees=trees)
    cache.save()
    trees.save()
    python = official.python()

    def cold(hashes: bool) -> float:
        nothing = snapshot.StatCache(folder / "none")
        return _take(source, nothing, snapshot.TreeHashes() if hashes else None)

    def unchanged() -> float:
        started = time.perf_counter()
        for _ in range(TIMES):
            known = snapshot.StatCache.load(folder / "cache.json")
            snapshot.take(source, cache=known, trees=snapshot.TreeHashes(folder / "trees.json"))
        return (time.perf_counter() - started) / TIMES

    def theirs(times: int) -> float:
        done = subprocess.run([python, HASH, source, str(times)], capture_output=True, text=True, check=True)
        return float(done.stdout)

    read, local, azure, again, one, two = alternate(
        REPEATS,
        lambda: _read(source),
        lambda: cold(False),
        lambda: cold(True),
        unchanged,
        lambda: theirs(1),
        lambda: theirs(HASHES_OF_A_SUBMIT),
    )
    name = f"snapshot of {FILES} files, {BYTES // 1_000_000} MB"
    hashed = row(name, "azure-ai-ml, its hash once", one, "s")
    submitted = row(name, "azure-ai-ml, all hashes of a submit, unchanged or not", two, "s")
    return [
        row(name, "reading the files, no more", read, "s"),
        hashed,
        submitted,
        row(name, "trainup, first seen, for Azure", azure, "s", at_most=1).compared(hashed),
        row(name, "trainup, first seen, for this machine", local, "s"),
        row(name, "trainup, unchanged", again, "s", at_most=1 / 20).compared(submitted),
    ]


def _write(source: Path) -> None:
    chance = random.Random(1)
    for number in range(FILES):
        file = source / f"part-{number % 40}" / f"{number}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.randbytes(BYTES // FILES))
    time.sleep(3)  # a file as young as its own time stamp could still change unseen, and is always read again


def _read(source: Path) -> float:
    started = time.perf_counter()
    for file in source.rglob("*.bin"):
        file.read_bytes()
    return time.perf_counter() - started


def _take(source: Path, cache: snapshot.StatCache, trees: snapshot.TreeHashes | None) -> float:
    started = time.perf_counter()
    snapshot.take(source, cache=cache, trees=trees)
    return time.perf_counter() - started
