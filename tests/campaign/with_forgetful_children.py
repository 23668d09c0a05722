"""Scripts whose children clear their environment, leave their session and their parent: none outlives the run."""

import random
from pathlib import Path

from tests.campaign.on_engine import strike
from tests.campaign.stacks import MOST_UPS, Stack, campaign
from tests.campaign.tally import Tally
from tests.campaign.victim import FORGETFUL, SCRIPT
from tests.support.checkout import Checkout
from tests.support.processes import left

VICTIMS = ("CLI", "plugin", "supervisor", "supervisor", "keeper", "script", "CLI and all it started")


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Each stack gets one kill, and then an `up` that has to succeed, or is removed at once."""
    return campaign(folder, seed, kills, "children", _one_stack)


def _one_stack(checkout: Checkout, name: str, chance: random.Random, tally: Tally) -> None:
    mark = f"{chance.randrange(10**8, 10**9)}.{chance.randrange(10**8, 10**9)}"
    stack = Stack(checkout, name, FORGETFUL.replace("MARK", mark) + SCRIPT)
    running = stack.begun(chance)
    victim = chance.choice(VICTIMS)
    after = chance.choice(["up", "destroy"])
    if strike(victim, running, stack.processes):
        tally.killed(f"{victim} before `{after}`")
    running.finish()
    if after == "up":
        stack.comes_to_its_end(tally, tries=MOST_UPS, once=False)
        tally.left += [f"{name}, after `up`: {process}" for process in left(mark)]
    stack.is_removed(tally)
    tally.left += [f"{name}, after `destroy`: {process}" for process in left(mark)]
