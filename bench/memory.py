"""What the plugin needs while many runs wait."""

import os
import threading
from pathlib import Path

import psutil

from bench.measure import Row
from tests.support.plugin import Failed, Plugin, plugin, urn

WAITING = 70
SCRIPT = """\
import sys
open(sys.argv[1]).read()
"""


def run(folder: Path) -> list[Row]:
    """Resident memory of the plugin: idle, and with 70 runs that wait for a sign."""
    (folder / "code").mkdir()
    (folder / "code" / "main.py").write_text(SCRIPT)
    os.mkfifo(folder / "gate")
    with plugin(folder) as provider:
        for kind, inputs in (
            ("Server", {"workspace": "ws", "tracking": "none"}),
            ("Pool", {"workspace": "ws", "name": "pool", "max_nodes": 2}),
        ):
            checked, _ = provider.check(urn(kind, kind), inputs)
            provider.create(urn(kind, kind), checked)
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
