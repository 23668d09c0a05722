"""Clocks that are set back and forward before and after attempts of a run, and while they are made, by libfaketime.

It is the plugin's clock, by which attempts are dated: the CLI itself takes no libraries.
"""

import json
import os
import random
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import psutil

from tests.campaign.on_engine import strike, wait_a_while
from tests.campaign.over_grpc import LONGEST, MOST_TRIES
from tests.campaign.stacks import Stack, campaign
from tests.campaign.tally import Skipped, Tally
from tests.campaign.victim import FAILING_TWICE
from tests.support.checkout import Checkout

KILLS_PER_STACK = 2
VICTIMS = ("CLI", "plugin", "supervisor", "keeper", "script", "CLI and all it started")
CLOCKS = ("-9000d", "-400d", "-26h", "-90s", "+0", "+90s", "+26h", "+400d", "+9000d")
SHARED = Path("/dev/shm")
OUT_OF_ORDER = "attempts older than the one before"


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Each stack gets some kills, with another clock for each command, until its script has completed."""
    if shutil.which("faketime") is None:
        raise Skipped("faketime is not installed")
    return campaign(folder, seed, kills, "clock", _one_stack)


def _one_stack(checkout: Checkout, name: str, chance: random.Random, tally: Tally) -> None:
    stack = Stack(checkout, name, FAILING_TWICE)
    clock = checkout.folder / f"clock-{name}"
    try:
        for _ in range(KILLS_PER_STACK):
            _set(clock, chance)
            running = stack.begun(chance, under=_with(clock))
            if chance.random() < 0.5:
                _set(clock, chance)
                wait_a_while(running, chance.uniform(0, LONGEST / 2))
            victim = chance.choice(VICTIMS)
            if strike(victim, running, stack.processes):
                tally.killed(victim)
            running.finish()
        for _ in range(MOST_TRIES):
            _set(clock, chance)
            if stack.start("up", under=_with(clock)).finish().code == 0:
                break
    finally:
        _forget()
    if not stack.comes_to_its_end(tally, once=False):
        return
    made = [record.created for record in stack.target.records()]
    tally.hit[OUT_OF_ORDER] += sum(later < earlier for earlier, later in pairwise(made))
    told = json.loads(checkout.make("-s", "output", f"STACK={name}"))["runs"]["r"]
    if (told["attempts"], told["metrics"]) != (len(made), {"starts": len(stack.starts)}):
        tally.lost.append(f"{name}: the outputs are not of the last of {len(made)} attempts: {told}")
    stack.is_removed(tally)


def _set(clock: Path, chance: random.Random) -> None:
    beside = clock.with_suffix(".new")
    beside.write_text(chance.choice(CLOCKS))
    beside.replace(clock)


def _with(clock: Path) -> list[str]:
    """The command that gives another one this clock. Files keep their times, and what is measured its length."""
    told = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True, check=True).stdout
    library = next(line for line in told.splitlines() if line.startswith("LD_PRELOAD="))
    settings = {"TIMESTAMP_FILE": str(clock), "NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1"}
    return ["env", library, "NO_FAKE_STAT=1", *(f"FAKETIME_{key}={value}" for key, value in settings.items())]


def _forget() -> None:
    """Remove what libfaketime leaves in memory of processes that were killed."""
    for file in SHARED.glob("*faketime_*"):
        if not psutil.pid_exists(int(file.name.rpartition("_")[2])):
            os.unlink(file)
