"""Two real trainings at once on a cluster of two slots, beside one alone: do they fight over the processors?

The floor is two trainings at once with a processor each, started by hand: what the machine itself can do, since two
processors are often one core.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from bench.measure import Row, row
from tests.support.plugin import Plugin, Resource, plugin, urn
from trainup.jobs.local import cores
from trainup.jobs.local.launch import environment_folder
from trainup.jobs.local.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 3


def run(folder: Path) -> list[Row]:
    """Seconds that digits takes to train, from the run's own record."""
    (folder / "training").symlink_to(ROOT / "training")
    with plugin(folder) as provider:
        server = _made(provider, "Server", "mlflow", {"tracking": "server"})
        try:
            whole, alone, together, floor = _measured(provider, folder)
        finally:
            provider.delete(server)
    name = "side by side: digits on two slots"
    one = row(name, "one alone", whole, "s")
    return [
        one,
        row(name, "one alone on one of two slots", alone, "s"),
        row(name, "two at once, each", together, "s", at_most=1.25).compared(one),
        row(name, "two at once by hand, untracked, each", floor, "s").compared(one),
    ]


def _measured(provider: Plugin, folder: Path) -> tuple[list[float], list[float], list[float], list[float]]:
    recipe = {"builder": "venv", "requirements": "training/requirements.txt"}
    image = _made(provider, "Image", "image", recipe).outputs["reference"]
    python = environment_folder(Workspace(folder / "ws"), image) / "bin" / "python"
    for name, slots in (("one", 1), ("two", 2)):
        _made(provider, "Pool", name, {"name": name, "max_nodes": slots})

    train = partial(_trained, provider, image)
    train("one", "warm")  # the first one compiles what it imports
    whole: list[float] = []
    alone: list[float] = []
    together: list[float] = []
    floor: list[float] = []
    with ThreadPoolExecutor(2) as pool:
        for turn in range(REPEATS):  # in turn, so that a slow minute of the machine hits all of them
            whole.append(train("one", f"whole-{turn}"))
            alone.append(train("two", f"alone-{turn}"))
            together += pool.map(train, ("two", "two"), (f"left-{turn}", f"right-{turn}"))
            floor += pool.map(partial(_trained_by_hand, python, folder), (0, 1))
    return whole, alone, together, floor


def _made(provider: Plugin, kind: str, name: str, inputs: dict[str, object]) -> Resource:
    checked, failures = provider.check(urn(kind, name), {"workspace": "ws", **inputs})
    assert not failures, failures
    return provider.create(urn(kind, name), checked)


def _trained(provider: Plugin, image: str, cluster: str, name: str) -> float:
    run = _made(
        provider,
        "Run",
        name,
        {
            "run": name,
            "target": "local",
            "cluster": cluster,
            "image": image,
            "source": "training",
            "script": "train.py",
            "arguments": ["--dataset", "digits"],
            "rerun": name,
        },
    )
    return float(run.outputs["phases"]["running"])


def _trained_by_hand(python: Path, folder: Path, slot: int) -> float:
    place = tempfile.mkdtemp(dir=folder)  # a second training in the same place would go on from the first
    own = cores.share(cores.usable(), [slot], 2)
    environment = {**os.environ, **cores.thread_variables(len(own), 1, ()), "TRAINUP_OUTPUT_DIR": place}
    # Only this thread, and what it starts: that is how Linux keeps affinities.
    if sys.platform == "linux":
        os.sched_setaffinity(0, own)
    started = time.monotonic()
    words = [python, ROOT / "training" / "train.py", "--dataset", "digits"]
    done = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - started
