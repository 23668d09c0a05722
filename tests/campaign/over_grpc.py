"""Kills over gRPC: each run is created again and again by plugins that die, as do supervisors and scripts."""

import contextlib
import random
import signal
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import psutil

from tests.campaign.tally import Tally
from tests.campaign.victim import SCRIPT, heard_of, problems_of_log, starts_of
from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.core.status import Status
from trainup.core.values import Secret
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace

KILLS_PER_RUN = 5
AT_ONCE = 4
LONGEST = 2.0
"""Seconds until a kill: a run takes about as long."""
VICTIMS = ("plugin", "plugin", "supervisor", "script", "plugin and supervisor")
MOST_TRIES = 40


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Kill until `kills` are done; every run is then brought to its end."""
    project = folder / "project"
    (project / "code").mkdir(parents=True)
    (project / "code" / "main.py").write_text(SCRIPT)
    with plugin(project) as first:
        _made(first, "Server", {"workspace": "ws", "tracking": "none"})
        _made(first, "Pool", {"workspace": "ws", "name": "pool", "max_nodes": AT_ONCE})
    tally = Tally()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for share in [pool.submit(_share, project, f"{seed}-{one}", f"r{one}", kills, tally) for one in range(AT_ONCE)]:
            share.result()
    return tally


def _share(project: Path, seed: str, name: str, kills: int, tally: Tally) -> None:
    """Some of the runs, one after the other."""
    number = 0
    while tally.kills < kills:
        _one_run(project, random.Random(f"{seed}-{number}"), f"{name}-{number}", tally)
        number += 1


def _one_run(project: Path, chance: random.Random, name: str, tally: Tally) -> None:
    starts = project / f"starts-{name}"
    inputs = {
        "run": name,
        "target": "local",
        "workspace": "ws",
        "cluster": "pool",
        "source": "code",
        "script": "main.py",
        "arguments": [str(starts), "TOKEN"],
        "secrets": {"TOKEN": Secret("a secret that no kill may lose")},
    }
    target = LocalTarget(Workspace(project / "ws", project))
    known: Resource | None = None
    hits = 0
    for _ in range(MOST_TRIES):
        with plugin(project) as provider, ThreadPoolExecutor(1) as pool:
            creating = pool.submit(created, provider, inputs, known)
            if hits < KILLS_PER_RUN:
                wait([creating], timeout=chance.uniform(0, LONGEST))
                if _kill(chance.choice(VICTIMS), provider, project, f"{name}-", creating):
                    hits += 1
                    tally.killed()
            result = creating.result()
            heard = heard_of(provider.engine.lines())
        is_done = result is not None and result.outputs["status"] == Status.COMPLETED
        with tally.lock:
            tally.logs += [f"{name}, as it was heard: {text}" for text in problems_of_log(heard, complete=is_done)]
        if result is not None and is_done:
            tally.ended(target, result.id, starts_of(starts))
            return
        known = result or known
    tally.lost.append(f"{name} did not complete in {MOST_TRIES} tries")


def created(provider: Plugin, inputs: dict[str, object], known: Resource | None) -> Resource | None:
    """What an `up` does: check, then update what failed before, or create."""
    name = urn("Run", str(inputs["run"]))
    try:
        checked, failures = provider.check(name, inputs)
        assert not failures, failures
        return provider.update(known, checked) if known else provider.create(name, checked)
    except Failed as failed:
        return Resource(name, failed.id, checked, failed.outputs) if failed.id else None


def _made(provider: Plugin, kind: str, inputs: dict[str, object]) -> None:
    checked, failures = provider.check(urn(kind, kind), inputs)
    assert not failures, failures
    provider.create(urn(kind, kind), checked)


def _kill(victim: str, provider: Plugin, project: Path, run: str, creating: "Future[Resource | None]") -> bool:
    """Kill what belongs to the victim; whether there was something, while the run went on."""
    found = [process for process in processes(project / "ws", run) if _belongs(process, victim)]
    if creating.done() or not (found or "plugin" in victim):
        return False
    if "plugin" in victim:
        provider.process.kill()
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
    return True


def _belongs(process: psutil.Process, victim: str) -> bool:
    with contextlib.suppress(psutil.Error):
        is_supervisor = "trainup.jobs.local.supervisor" in process.cmdline()
        return ("supervisor" if is_supervisor else "script") in victim
    return False


def processes(workspace: Path, run: str) -> list[psutil.Process]:
    """Supervisors and scripts of the runs whose names begin so."""
    found = []
    mark = f"{workspace}/runs/{run}"
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(word.startswith(mark) for word in process.cmdline()) or process.cwd().startswith(mark):
                found.append(process)
    return found
