"""What a run costs above its bare command: Create to the first instruction, and the last one to Create's return."""

import subprocess
import sys
import time
from pathlib import Path

from bench.measure import Row, alternate, row
from tests.support.plugin import Plugin, plugin, urn

REPEATS = 9
SCRIPT = """\
import time
first = time.time()
import sys
with open(sys.argv[1], "w") as file:
    file.write(f"{first} {time.time()}")
"""


def run(folder: Path) -> list[Row]:
    """Create with a warm MLflow server, beside the bare command."""
    (folder / "code").mkdir()
    (folder / "code" / "main.py").write_text(SCRIPT)
    with plugin(folder) as provider:
        server = _made(provider, "Server", "mlflow", {"workspace": "ws", "tracking": "server"})
        _made(provider, "Pool", "pool", {"workspace": "ws", "name": "pool", "max_nodes": 1})
        try:
            _ours(provider, folder)  # the first run of a workspace makes its experiment
            ours, bare = alternate(REPEATS, lambda: _ours(provider, folder), lambda: _bare(folder))
        finally:
            provider.delete(server)
    above = [a - b for a, b in zip(ours, bare, strict=True)]
    name = "create: before the first and after the last instruction"
    return [
        row(name, "bare command", bare, "s"),
        row(name, "Create", ours, "s"),
        row(name, "Create above the bare command", above, "s", at_most=0.08),
    ]


def _made(provider: Plugin, kind: str, name: str, inputs: dict[str, object]):  # type: ignore[no-untyped-def]
    checked, failures = provider.check(urn(kind, name), inputs)
    assert not failures, failures
    return provider.create(urn(kind, name), checked)


def _ours(provider: Plugin, folder: Path) -> float:
    times = folder / "times"
    inputs = {
        "run": "tiny",
        "target": "local",
        "workspace": "ws",
        "cluster": "pool",
        "source": "code",
        "script": "main.py",
        "arguments": [str(times)],
        "rerun": str(time.time_ns()),
    }
    checked, failures = provider.check(urn("Run", "tiny"), inputs)
    assert not failures, failures
    started = time.time()
    provider.create(urn("Run", "tiny"), checked)
    return _around(times, started, time.time())


def _bare(folder: Path) -> float:
    times = folder / "times"
    started = time.time()
    # Without an image, a run has the Python that trainup's environment was made from: its site packages are others.
    python = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([python, folder / "code" / "main.py", times], check=True)
    return _around(times, started, time.time())


def _around(times: Path, started: float, ended: float) -> float:
    first, last = map(float, times.read_text().split())
    return (first - started) + (ended - last)
