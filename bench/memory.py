"""What the plugin needs while many runs wait, and after many have ended."""

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from bench.measure import Row
from tests.support.plugin import Failed, Plugin, plugin, urn

WAITING = 70
ENDED = (50, 100, 250)
"""Finished runs: those until everything is imported and allocated, and those between which memory shall not grow."""
SIDE_BY_SIDE = 4
SCRIPT = """\
import sys
open(sys.argv[1]).read()
"""


def run(folder: Path) -> list[Row]:
    return [*_waiting(folder / "waiting"), *_ended(folder / "ended")]


def _waiting(folder: Path) -> list[Row]:
    """Resident memory of the plugin: idle, and with 70 runs that wait for a sign."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "main.py").write_text(SCRIPT)
    os.mkfifo(folder / "gate")
    with plugin(folder) as provider:
        _platform(provider)
        process = psutil.Process(provider.process.pid)
        idle = process.memory_info().rss
        waiting = [threading.Thread(target=_create, args=(provider, folder, number)) for number in range(WAITING)]
        for thread in waiting:
            thread.start()
        queued = [f"run-{number}" for number in range(WAITING)]
        for name in queued:
            provider.engine.wait_for(f"{name}-")
        busy = process.memory_info().rss
        threads = process.num_threads()
        provider.cancel()
        for thread in waiting:
            thread.join()
    name = "plugin memory"
    floor = Row(name, "idle", idle / 2**20, "MiB")
    return [
        floor,
        Row(name, f"{WAITING} waiting runs", busy / 2**20, "MiB").compared(floor),
        Row(name, "a waiting run", (busy - idle) / WAITING / 2**20, "MiB"),
        Row(name, f"threads with {WAITING} waiting runs", threads, ""),
    ]


def _ended(folder: Path) -> list[Row]:
    """Resident memory of the plugin, and of the keeper from which supervisors are forked, as more and more runs end."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "main.py").write_text("print('done')\n")
    plugins, keepers = [], []
    with plugin(folder) as provider:
        _platform(provider)
        process = psutil.Process(provider.process.pid)
        for first, last in itertools.pairwise((0, *ENDED)):
            with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                list(pool.map(lambda number: _finish(provider, number), range(first, last)))
            plugins.append(process.memory_info().rss / 2**20)
            keepers.append(max(child.memory_info().rss for child in process.children()) / 2**20)
    rows = []
    for name, values in (("plugin memory", plugins), ("keeper memory", keepers)):
        before, after = (
            Row(name, f"{number} finished runs", value, "MiB", at_most=limit)
            for number, value, limit in zip(ENDED[1:], values[1:], (None, 1.02), strict=True)
        )
        rows += [before, after.compared(before)]
    return rows


def _platform(provider: Plugin) -> None:
    for kind, inputs in (
        ("Server", {"workspace": "ws", "tracking": "none"}),
        ("Pool", {"workspace": "ws", "name": "pool", "max_nodes": 2}),
    ):
        checked, _ = provider.check(urn(kind, kind), inputs)
        provider.create(urn(kind, kind), checked)


def _finish(provider: Plugin, number: int) -> None:
    name = f"run-{number}"
    inputs = {
        "run": name,
        "target": "local",
        "workspace": "ws",
        "cluster": "pool",
        "source": "code",
        "script": "main.py",
        "arguments": [name],
    }
    checked, failures = provider.check(urn("Run", name), inputs)
    assert not failures, failures
    provider.create(urn("Run", name), checked)


def _create(provider: Plugin, folder: Path, number: int) -> None:
    inputs = {
        "run": f"run-{number}",
        "target": "local",
        "workspace": "ws",
        "cluster": "pool",
        "source": "code",
        "script": "main.py",
        "arguments": [str(folder / "gate")],
        "on_interrupt": "cancel",
    }
    checked, failures = provider.check(urn("Run", f"run-{number}"), inputs)
    assert not failures, failures
    try:
        provider.create(urn("Run", f"run-{number}"), checked)
    except Failed:
        return  # canceled, as it shall be
    raise AssertionError("a run ended before it was canceled")
