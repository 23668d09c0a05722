"""Kills on the real engine at random requests to Azure: of the CLI, the plugin, or both."""

import random
from contextlib import ExitStack
from pathlib import Path

from tests.campaign.on_azure import IMPATIENT, count
from tests.campaign.on_engine import finished, strike
from tests.campaign.tally import Tally
from tests.campaign.victim import SCRIPT, heard_of
from tests.support.attached import Place
from tests.support.azure import cloud
from tests.support.project import Project, toolchain_environment
from trainup.simulator.cloud.faults import Fault

KILLS_PER_RUN = 2
MOST_REQUESTS = 35
"""An `up` that nothing happens to sends about as many."""
RUN = "trainup:index:Run"
VICTIMS = ("CLI", "plugin", "CLI and all it started")


def run(folder: Path, seed: int, kills: int) -> Tally:
    """One stack, whose run gets other arguments again and again: each digest some kills, then an `up` that succeeds."""
    tally = Tally()
    with cloud(folder, {**toolchain_environment(), **IMPATIENT}) as running, ExitStack() as exits:
        place = Place(running, exits)
        project = place.prepare()
        number = 0
        while tally.kills < kills:
            chance = random.Random(f"{seed}-engine-azure-{number}")
            _one_run(place, project, chance, number, min(KILLS_PER_RUN, kills - tally.kills), tally)
            number += 1
    return tally


def _one_run(place: Place, project: Project, chance: random.Random, number: int, kills: int, tally: Tally) -> None:
    """A new digest of the run: it uploads code, and its predecessor's end is in the way of the kills too."""
    azure, starts = place.azure, project.folder / f"starts-{number}"
    project.script(f"{SCRIPT}# {number}\n")
    project.edit(runs={"r": {"source": "code", "script": "main.py", "arguments": [str(starts)]}})
    for _ in range(kills):
        running = project.start("up")
        victim = chance.choice(VICTIMS)
        hit = lambda running=running, victim=victim: strike(victim, running)  # noqa: E731
        azure.faults.add(Fault(path="*", skip=chance.randrange(MOST_REQUESTS), call=hit))
        running.finish()
        if not azure.faults.unused():  # it came that far
            tally.killed()
        azure.faults.clear()
        project.unlock()
    last = finished(project)
    if last is None:
        tally.lost.append(f"r with {starts.name} was never deployed")
        return
    found = project.resource("r")
    if found["outputs"]["status"] != "Completed":
        tally.lost.append(f"{found['id']} is {found['outputs']['status']} after an `up` that succeeded")
    # An `up` before it may have brought the run to its end, and left only the end of its predecessor to do.
    is_told = {"create", "create-replacement", "update"} & {step.op for step in last.steps if step.type == RUN}
    heard = heard_of(last.said)
    count(azure, found["id"], starts, heard if is_told else None, tally)
    if not project.up("--expect-no-changes").is_empty:
        tally.lost.append("a second up was not empty")
