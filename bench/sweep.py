"""A sweep on two slots: what a trial costs beside its training, and whether the slots are ever idle.

`TRIALS` in the environment says how many trials there are in the first comparison. The alternative is submitit's local
executor, which starts the same command, two at a time; it keeps no slots, no records and no metrics.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from bench.measure import Row
from tests.support.plugin import Plugin, plugin, urn

TRIALS = int(os.environ.get("TRIALS") or 1_000)
FIRST = min(TRIALS, 100)
"""Trials before the comparison."""
SUBMITTED = min(TRIALS, 100)
"""Trials of submitit: each takes a second or more, since it starts Python anew."""
SLOTS = 2
LONG_TRIALS, LONG_SECONDS = 12, 2.0
SUBMITIT = "submitit==1.5.4"
SCRIPT = Path(__file__).parent / "scripts" / "submitit_local.py"


def run(folder: Path) -> list[Row]:
    """Overhead a trial, in seconds; then the total of few long trials as a multiple of what two slots allow."""
    with plugin(folder) as provider:
        pool, failures = provider.check(urn("Pool", "two"), {"workspace": "ws", "name": "two", "max_nodes": SLOTS})
        assert not failures, failures
        provider.create(urn("Pool", "two"), pool)
        # What is imported and allocated once is no growth.
        _seconds(provider, "first", ["true", "${{search_space.number}}"], FIRST)
        before = _memory(provider)
        short = _seconds(provider, "short", ["true", "${{search_space.number}}"], TRIALS)
        grown = _memory(provider) - before
        words = ["sh", "-c", f"sleep {LONG_SECONDS}", "${{search_space.number}}"]
        long = _seconds(provider, "long", words, LONG_TRIALS)
    other = _of_submitit(folder)
    name, ideal = f"sweep: {TRIALS:,} trials of `true` on {SLOTS} slots", LONG_TRIALS * LONG_SECONDS / SLOTS
    beside = Row(name, "submitit's local executor, a trial", other / SUBMITTED, "s")
    return [
        Row(name, "overhead a trial", short / TRIALS, "s", at_most=0.15),
        beside,
        Row(name, "memory that the plugin has more afterwards", grown, "MiB", at_most=3),
        Row(f"sweep: {LONG_TRIALS} trials of {LONG_SECONDS:g} s", "total", long, "s", at_most=1.1).compared(
            Row("", "what the slots allow", ideal, "s")
        ),
    ]


def _seconds(provider: Plugin, name: str, command: list[str], trials: int) -> float:
    inputs: dict[str, Any] = {
        "run": name,
        "target": "local",
        "workspace": "ws",
        "cluster": "two",
        "command": command,
        "on_failure": "keep",  # no trial logs the metric
        "sweep": {
            "sampling_algorithm": "grid",
            "search_space": {"number": list(range(trials))},
            "objective": {"primary_metric": "accuracy", "goal": "maximize"},
        },
    }
    checked, failures = provider.check(urn("Sweep", name), inputs)
    assert not failures, failures
    began = time.perf_counter()
    made = provider.create(urn("Sweep", name), checked)
    seconds = time.perf_counter() - began
    statuses = [trial["status"] for trial in made.outputs["trials"]]
    assert statuses == ["Completed"] * trials
    size = len(json.dumps(made.outputs["trials"]))
    assert size <= trials * 1024, "a trial takes more than 1 KiB of the state"
    return seconds


def _memory(provider: Plugin) -> float:
    return float(psutil.Process(provider.process.pid).memory_full_info().pss) / 2**20


def _of_submitit(folder: Path) -> float:
    """Seconds that submitit takes for `SUBMITTED` of these trials."""
    words = ["uv", "run", "--no-project", "--python", sys.executable, "--with", SUBMITIT, "python", str(SCRIPT)]
    done = subprocess.run(
        [*words, str(folder / "submitit"), str(SUBMITTED), str(SLOTS)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)
