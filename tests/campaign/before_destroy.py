"""Kills of the CLI in the middle of a training, and then `destroy` where others would go on with `up`."""

import random
import signal
from pathlib import Path

from tests.campaign.on_engine import strike
from tests.campaign.stacks import Stack, campaign
from tests.campaign.tally import Tally
from tests.campaign.victim import ENDLESS
from tests.support.checkout import Checkout
from trainup.core.status import Status

VICTIMS = ("CLI", "CLI", "CLI and all it started", "supervisor", "keeper")
STOPPED = ("supervisor", "keeper", "script")


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Each stack gets a kill or two, most of them while its script works, and is then removed by our own command."""
    return campaign(folder, seed, kills, "destroy", _one_stack)


def _one_stack(checkout: Checkout, name: str, chance: random.Random, tally: Tally) -> None:
    stack = Stack(checkout, name, ENDLESS)
    running = stack.begun(chance)
    when = "while" if stack.starts else "before"
    if chance.random() < 0.3:
        stopped = chance.choice(STOPPED)
        if strike(stopped, running, stack.processes, signal.SIGSTOP):
            tally.killed(f"{stopped} stopped {when} the script worked")
    victim = chance.choice(VICTIMS)
    if strike(victim, running, stack.processes):
        tally.killed(f"{victim} {when} the script worked")
    running.kill()  # an endless run ends no `up`
    running.finish()
    stack.is_removed(tally)
    for run_id in {record.id for record in stack.target.records()}:
        last = stack.target.attempts(run_id)[-1].status
        is_lost = last is Status.NOT_RESPONDING and victim in ("supervisor", "CLI and all it started")
        tally.ended(stack.target, run_id, stack.starts, status=last if is_lost else Status.CANCELED, once=True)
