"""The snapshot of a large source folder: first seen, and unchanged."""

import random
import time
from pathlib import Path

from bench.measure import Row, alternate, row
from trainup.jobs import snapshot

FILES = 2_000
BYTES = 300_000_000
REPEATS = 3


def run(folder: Path) -> list[Row]:
    """2,000 files of 300 MB in all."""
    source = folder / "source"
    chance = random.Random(1)
    for number in range(FILES):
        file = source / f"part-{number % 40}" / f"{number}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.randbytes(BYTES // FILES))
    time.sleep(3)  # a file as young as its own time stamp could still change unseen, and is always read again
    warm = snapshot.StatCache.load(folder / "cache.json")
    snapshot.take(source, cache=warm, allow_secrets=())

    def cold() -> float:
        return _take(source, snapshot.StatCache.load(folder / "none.json"))

    def unchanged() -> float:
        return _take(source, warm)

    def read() -> float:
        started = time.perf_counter()
        for file in source.rglob("*.bin"):
            file.read_bytes()
        return time.perf_counter() - started

    first, again, floor = alternate(REPEATS, cold, unchanged, read)
    name = f"snapshot of {FILES} files, {BYTES // 1_000_000} MB"
    ratios = [a / b for a, b in zip(first, again, strict=True)]
    return [
        row(name, "reading the files, no more", floor, "s"),
        row(name, "first seen", first, "s"),
        row(name, "unchanged", again, "s"),
        row(name, "times faster when unchanged", ratios, "x"),
    ]


def _take(source: Path, cache: snapshot.StatCache) -> float:
    started = time.perf_counter()
    snapshot.take(source, cache=cache, allow_secrets=())
    return time.perf_counter() - started
