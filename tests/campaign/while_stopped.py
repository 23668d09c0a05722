"""Processes that are stopped (SIGSTOP) for a while, or for good: they go on later, or are killed as they are."""

import contextlib
import random
import signal
from pathlib import Path

import psutil

from tests.campaign.on_engine import strike, wait_a_while
from tests.campaign.stacks import MOST_UPS, Stack, campaign
from tests.campaign.tally import Tally
from tests.support.checkout import Checkout

VICTIMS = ("CLI", "plugin", "supervisor", "keeper", "script", "CLI and all it started")
LONGEST = 4.0
"""Seconds until a stopped process is let go, or killed."""
STOPS_PER_STACK = 2


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Each stack has some processes stopped, and then gets an `up` that has to succeed."""
    return campaign(folder, seed, kills, "stopped", _one_stack)


def _one_stack(checkout: Checkout, name: str, chance: random.Random, tally: Tally) -> None:
    stack = Stack(checkout, name)
    once = True
    for _ in range(STOPS_PER_STACK):
        running = stack.begun(chance)
        victim, later = chance.choice(VICTIMS), chance.choice([signal.SIGCONT, signal.SIGKILL])
        stopped = strike(victim, running, stack.processes, signal.SIGSTOP)
        if stopped:
            once &= later is signal.SIGCONT or victim in ("CLI", "plugin")
            tally.killed(f"{victim}, then {later.name}")
        # Somebody else tries meanwhile, and may find the stack locked, or have to wait.
        second = stack.start("up")
        wait_a_while(second, chance.uniform(0, LONGEST))
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(later)
        for command in (running, second):
            command.finish()
    stack.comes_to_its_end(tally, tries=MOST_UPS, once=once)
    stack.is_removed(tally)
