"""What is read of a log that grows for an hour: by trainup, and by the official client beside it."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.measure import Row
from bench.submit import by_plugin
from tests.support import official
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.sample import Sample, furnish
from trainup.simulator.rehearsal import rehearsal

CHUNKS = 600
LINES = 160
"""Of a chunk."""
LINE = 104
"""Bytes, with the number at its beginning and the newline."""
SECONDS = 60
FACTOR = 60
"""How much faster than ours the clock runs: one minute is an hour."""
FASTEST, SLOWEST = 2, 30
"""Seconds between two looks of trainup's, unless it is told otherwise."""
SCRIPT = f"""\
import time
begun = time.monotonic()
for chunk in range({CHUNKS}):
    for line in range({LINES}):
        print(f"line {{chunk * {LINES} + line:08}} ".ljust({LINE - 1}, "x"))
    time.sleep(max(0, begun + (chunk + 1) * {SECONDS / CHUNKS} - time.monotonic()))
"""


def run(folder: Path) -> list[Row]:
    """10 MB in an hour of a clock that runs faster; each client follows a job of its own."""
    source = folder / "project" / "code"
    source.mkdir(parents=True)
    (source / "main.py").write_text(SCRIPT)
    with rehearsal(folder / "azure") as running, ThreadPoolExecutor(2) as pool:
        azure = running.azure
        azure.default_output = False  # of a job that tells it, the official client cannot follow the log
        sample = furnish(azure, nodes=2)
        environment = running.environment()
        theirs = pool.submit(_theirs, azure, sample, environment, source)
        ours = pool.submit(_ours, sample, environment, source)
        printed = {"azure-ai-ml": theirs.result(), "trainup": ours.result()}
        expected = [f"line {number:08} ".ljust(LINE - 1, "x") for number in range(CHUNKS * LINES)]
        for who, lines in printed.items():
            assert lines == expected, f"{who} printed {len(lines)} of {len(expected)} lines, or others"
        read = {"azure-ai-ml": _read(azure, but="ours-"), "trainup": _read(azure, of="ours-")}
    size = len(expected) * LINE
    name = f"a log of {size / 1e6:.0f} MB, followed for {SECONDS * FACTOR / 3600:.0f} h"
    log = Row(name, "the log itself", size / 1e6, "MB")
    rows = [Row(name, who, count / 1e6, "MB", at_most=1.1 if who == "trainup" else None) for who, count in read.items()]
    return [log, *(item.compared(log) for item in rows)]


def _theirs(azure: Azure, sample: Sample, environment: dict[str, str], source: Path) -> list[str]:
    script = Path(__file__).parent / "official" / "logs.py"
    where = [azure.endpoints.resource_manager, sample.workspace, sample.cluster, sample.environment, str(source)]
    command = [str(official.python()), str(script), str(FACTOR), *where]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return _lines(done.stdout.splitlines())


def _ours(sample: Sample, environment: dict[str, str], source: Path) -> list[str]:
    limits = {"MIN": FASTEST, "MAX": SLOWEST}
    scaled = {f"AZUREML_RUN_POLLING_INTERVAL_{name}": str(seconds / FACTOR) for name, seconds in limits.items()}
    return _lines(by_plugin("ours", sample, source, {**environment, **scaled}))


def _lines(printed: list[str]) -> list[str]:
    return [line for line in printed if line.startswith("line ")]


def _read(azure: Azure, of: str = "", but: str = " ") -> int:
    """Bytes of logs that were sent."""
    entries = [entry for entry in azure.journal.entries if entry.path.endswith("std_log.txt")]
    return sum(entry.sent for entry in entries if of in entry.path and but not in entry.path)
