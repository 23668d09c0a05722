"""Kills of the plugin at random requests to Azure: each run is created again and again until it has completed."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.campaign.over_grpc import MOST_TRIES, Tally, created
from tests.campaign.victim import LINES, SCRIPT, starts_of
from tests.support.plugin import Resource, plugin
from trainup.core.status import Status
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.sample import Sample, furnish
from trainup.simulator.rehearsal import rehearsal

KILLS_PER_RUN = 5
AT_ONCE = 2
MOST_REQUESTS = 45
"""A run that nothing happens to sends about as many."""
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
    (project / "code").mkdir(parents=True)
    (project / "code" / "main.py").write_text(SCRIPT)
    with rehearsal(folder / "rehearsal") as running:
        sample = furnish(running.azure)
        environment = {**running.environment(os.environ), **IMPATIENT}
        number = 0
        while tally.kills < kills:
            chance = random.Random(f"{seed}-{number}")
            _one_run(project, environment, running.azure, sample, chance, number, tally)
            number += 1


def _one_run(
    project: Path,
    environment: dict[str, str],
    azure: Azure,
    sample: Sample,
    chance: random.Random,
    number: int,
    tally: Tally,
) -> None:
    starts = project / f"starts-{number}"
    inputs: dict[str, object] = {
        "run": f"r{number}",
        "target": "azure",
        "workspace": sample.workspace,
        "cluster": sample.cluster,
        "image": "fastai2:1",
        "environment": sample.environment,
        "source": "code",
        "script": "main.py",
        "arguments": [str(starts)],
    }
    known: Resource | None = None
    for _ in range(KILLS_PER_RUN):
        with plugin(project, environment) as provider:
            azure.faults.add(Fault(path="*", skip=chance.randrange(MOST_REQUESTS), call=provider.process.kill))
            known = created(provider, inputs, known) or known
            if not azure.faults.unused():  # it came that far
                tally.killed()
            azure.faults.clear()
    for _ in range(MOST_TRIES):
        with plugin(project, environment) as provider:
            result = created(provider, inputs, known)
            heard = [line for line in provider.engine.lines() if line.startswith("line ")]
        if result is not None and result.outputs["status"] == Status.COMPLETED:
            _count(azure, result, starts, heard, tally)
            return
        known = result or known
    tally.lost.append(f"r{number} did not complete in {MOST_TRIES} tries")


def _count(azure: Azure, result: Resource, starts: Path, heard: list[str], tally: Tally) -> None:
    """Compare Azure's jobs with what the script itself wrote down, and the log with what was heard."""
    jobs = [job["name"] for job in azure.resources(JOBS) if job["name"].startswith(result.id)]
    begun = starts_of(starts)
    with tally.lock:
        tally.digests += 1
        tally.attempts += len(jobs)
        tally.starts += len(begun)
        tally.doubled += [f"{result.id}: {len(jobs)} jobs, {jobs}"] if jobs != [result.id] else []
        tally.doubled += [f"{result.id}: its script was started {len(begun)} times"] if len(begun) != 1 else []
        if heard and heard != [f"line {line}" for line in range(LINES)]:
            tally.logs.append(f"{result.id}: {heard}")
