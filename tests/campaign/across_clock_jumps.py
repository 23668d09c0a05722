"""Clocks that are set back and forward before and after attempts of a run, and while they are made.

It is the plugin's clock, by which attempts are dated: the CLI itself takes no libraries.
"""

import json
import random
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

from tests.campaign.on_engine import strike, wait_a_while
from tests.campaign.over_grpc import LONGEST
from tests.campaign.stacks import MOST_UPS, Stack, campaign
from tests.campaign.tally import Skipped, Tally
from tests.campaign.victim import FAILING_TWICE
from tests.support.checkout import Checkout

KILLS_PER_STACK = 2
VICTIMS = ("CLI", "plugin", "supervisor", "keeper", "script", "CLI and all it started")
HOUR, DAY = 3_600, 86_400
CLOCKS = (-9_000 * DAY, -400 * DAY, -26 * HOUR, -90, 0, 90, 26 * HOUR, 400 * DAY, 9_000 * DAY)
"""Seconds that a clock is off."""
OUT_OF_ORDER = "attempts older than the one before"
SOURCE = Path(__file__).with_name("clock.c")


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Each stack gets some kills, with another clock for each command, until its script has completed."""
    if shutil.which("cc") is None:
        raise Skipped("there is no C compiler (cc), which makes the clock that is set")
    return campaign(folder, seed, kills, "clock", _one_stack)


def _one_stack(checkout: Checkout, name: str, chance: random.Random, tally: Tally) -> None:
    stack = Stack(checkout, name, FAILING_TWICE)
    clock = checkout.folder / f"clock-{name}"
    under = ["env", f"LD_PRELOAD={_library(clock)}", f"CAMPAIGN_CLOCK={clock}"]
    for _ in range(KILLS_PER_STACK):
        _set(clock, chance)
        running = stack.begun(chance, under=under)
        if chance.random() < 0.5:
            _set(clock, chance)
            wait_a_while(running, chance.uniform(0, LONGEST / 2))
        victim = chance.choice(VICTIMS)
        if strike(victim, running, stack.processes):
            tally.killed(victim)
        running.finish()
    for _ in range(MOST_UPS):
        _set(clock, chance)
        if stack.start("up", under=under).finish().code == 0:
            break
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
    beside.write_text(str(chance.choice(CLOCKS)))
    beside.replace(clock)


def _library(clock: Path) -> Path:
    """What gives a process the clock. No blank is in its path: the loader would take it for two."""
    library = clock.parent.parent / f"{clock.name}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
    return library
