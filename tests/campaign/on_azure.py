"""Kills of the plugin at random requests to Azure.

Each run is created again and again until it has completed; an endless one is destroyed until it has ended.
"""

import contextlib
import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.over_grpc import MOST_TRIES, created
from tests.campaign.tally import Tally
from tests.campaign.victim import LINES, SCRIPT, heard_of, starts_of
from tests.support.plugin import Failed, Plugin, Resource, plugin
from trainup.core.status import Status
from trainup.jobs.azure.job import labels
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import rehearsal

KILLS_PER_RUN, KILLS_PER_DESTROY = 5, 2
AT_ONCE = 2
MOST_REQUESTS, MOST_DESTROYING = 50, 15
"""A run that nothing happens to sends about as many, and its destruction."""
JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"
IMPATIENT = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.2"}


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Kill until `kills` are done; every run is then brought to its end."""
    tally = Tally()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        shares = [pool.submit(_share, folder / f"azure-{one}", f"{seed}-{one}", kills, tally) for one in range(AT_ONCE)]
        for share in shares:
            share.result()
    return tally


def _share(folder: Path, seed: str, kills: int, tally: Tally) -> None:
    """Some of the runs, in an Azure of their own."""
    project = folder / "project"
    project.mkdir(parents=True)
    with rehearsal(folder / "rehearsal") as running:
        sample = furnish(running.azure)
        environment = {**running.environment(os.environ), **IMPATIENT}
        number = 0
        while tally.kills < kills:
            chance = random.Random(f"{seed}-{number}")
            given = {
                "target": "azure",
                "workspace": sample.workspace,
                "cluster": sample.cluster,
                "image": "fastai2:1",
                "environment": sample.environment,
            }
            site = _Site(project, environment, running.azure, given, chance, tally)
            _one_run(site, number)
            _one_destruction(site, number)
            number += 1


@dataclass(frozen=True)
class _Site:
    """Where kills happen, and what all runs there have in common."""

    project: Path
    environment: dict[str, str]
    azure: Azure
    given: dict[str, object]
    chance: random.Random
    tally: Tally

    def kill(self, provider: Plugin, most: int) -> None:
        """Kill the plugin at one of its requests, which is carried out all the same or never arrives."""
        cut = self.chance.choice([Cut.BEFORE, None])
        skip = self.chance.randrange(most)
        self.azure.faults.add(Fault(path="*", skip=skip, call=provider.process.kill, cut=cut))

    def count(self) -> None:
        """Whether the plugin came as far as its kill."""
        if not self.azure.faults.unused():
            self.tally.killed()
        self.azure.faults.clear()


def _one_run(site: _Site, number: int) -> None:
    starts = site.project / f"starts-{number}"
    # Each has code of its own, which has to be uploaded.
    code = site.project / f"code-{number}"
    code.mkdir()
    (code / "main.py").write_text(f"{SCRIPT}# {number}\n")
    own = {"run": f"r{number}", "source": code.name, "script": "main.py", "arguments": [str(starts)]}
    inputs = {**site.given, **own}
    known: Resource | None = None
    for _ in range(KILLS_PER_RUN):
        with plugin(site.project, site.environment) as provider:
            site.kill(provider, MOST_REQUESTS)
            known = created(provider, inputs, known) or known
            site.count()
    for _ in range(MOST_TRIES):
        with plugin(site.project, site.environment) as provider:
            result = created(provider, inputs, known)
            heard = heard_of(provider.engine.lines())
        if result is not None and result.outputs["status"] == Status.COMPLETED:
            count(site.azure, result.id, starts, heard, site.tally)
            return
        known = result or known
    site.tally.lost.append(f"r{number} did not complete in {MOST_TRIES} tries")


def _one_destruction(site: _Site, number: int) -> None:
    kept = site.chance.random() < 0.5
    own = {"run": f"e{number}", "command": ["sleep", "600"], "wait": False, "on_delete": "keep" if kept else "delete"}
    with plugin(site.project, site.environment) as provider:
        made = created(provider, {**site.given, **own}, None)
    assert made is not None
    for _ in range(KILLS_PER_DESTROY):
        with plugin(site.project, site.environment) as provider:
            site.kill(provider, MOST_DESTROYING)
            with contextlib.suppress(Failed):
                provider.delete(made)
            site.count()
    with plugin(site.project, site.environment) as provider:
        provider.delete(made)
    left = [job["properties"] for job in site.azure.resources(JOBS) if job["name"] == made.id]
    if [(job["status"], labels.owners(job["tags"])) for job in left] != ([("Canceled", ())] if kept else []):
        site.tally.left.append(f"{made.id}: {left}")


def count(azure: Azure, run_id: str, starts: Path, heard: list[str] | None, tally: Tally) -> None:
    """Compare Azure's jobs with what the script itself wrote down, and the log with what was heard, if anything."""
    jobs = [job["name"] for job in azure.resources(JOBS) if job["name"].startswith(run_id)]
    begun = starts_of(starts)
    with tally.lock:
        tally.digests += 1
        tally.attempts += len(jobs)
        tally.starts += len(begun)
        tally.doubled += [f"{run_id}: {len(jobs)} jobs, {jobs}"] if jobs != [run_id] else []
        tally.doubled += [f"{run_id}: its script was started {len(begun)} times"] if len(begun) != 1 else []
        if heard is not None and heard != [f"line {line}" for line in range(LINES)]:
            tally.logs.append(f"{run_id}: {heard}")
