"""Kills on the real engine: of the CLI, the plugin, the supervisor, the script, or of everything at once."""

import contextlib
import random
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from tests.campaign.over_grpc import LONGEST, Tally, processes
from tests.campaign.victim import SCRIPT, starts_of
from tests.support.project import STACK, Project, Result, Running, toolchain_environment
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace

KILLS_PER_RUN = 2
MOST_TRIES = 5
VICTIMS = {
    "CLI": "no other process",
    "CLI and all it started": "",
    "plugin": "trainup.provider",
    "supervisor": "trainup.jobs.local.supervisor",
    "script": "main.py",
}
"""Whom to kill → what is in the command lines of the processes that die with it."""
START_OF_A_RUN = 1.0
"""Seconds that the CLI takes before it creates anything."""


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Each stack gets some kills and then an `up` that has to succeed."""
    environment = toolchain_environment()
    tally = Tally()
    for number in range((kills + KILLS_PER_RUN - 1) // KILLS_PER_RUN):
        chance = random.Random(f"{seed}-engine-{number}")
        project = Project(folder / f"project-{number}", environment)
        workspace = project.folder / ".trainup" / STACK
        starts = project.folder / "starts"
        project.script(SCRIPT)
        run = {"source": "code", "script": "main.py", "arguments": [str(starts)]}
        project.configure(runs={"r": run})
        for _ in range(KILLS_PER_RUN):
            running = project.start("up")
            time.sleep(chance.uniform(0, START_OF_A_RUN + LONGEST))
            strike(chance.choice(list(VICTIMS)), running, processes(workspace, "r-"))
            tally.killed()
            running.finish()
            project.unlock()
        finished(project)
        target = LocalTarget(Workspace(workspace, project.folder))
        tally.ended(target, project.resource("r")["id"], starts_of(starts))
        if not project.up("--expect-no-changes").is_empty:
            tally.lost.append("a second up was not empty")
    return tally


def strike(victim: str, running: Running, others: Iterable[psutil.Process] = ()) -> None:
    """Kill what the CLI has started, and others, as far as it belongs to the victim; and the CLI, if that does."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in [*psutil.Process(running.process.pid).children(recursive=True), *others]:
            with contextlib.suppress(psutil.Error):
                if VICTIMS[victim] in " ".join(process.cmdline()):
                    process.kill()
    if "CLI" in victim:
        running.kill()


def finished(project: Project) -> Result | None:
    """Deploy until it succeeds; None when it does not."""
    for _ in range(MOST_TRIES):
        project.unlock()
        if (result := project.up()).code == 0:
            return result
    return None
