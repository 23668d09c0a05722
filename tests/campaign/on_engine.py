"""Kills on the real engine: of the CLI, the plugin, the supervisor, the script, or of everything at once."""

import contextlib
import random
import subprocess
from collections.abc import Iterable
from pathlib import Path

import psutil

from tests.campaign.over_grpc import LONGEST, Tally, processes
from tests.campaign.victim import SCRIPT, starts_of
from tests.support.processes import of
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
    "MLflow": "mlflow",
}
"""Whom to kill → what is in the command lines of the processes that die with it."""
START_OF_A_RUN = 1.0
"""Seconds that the CLI takes before it creates anything."""


def run(folder: Path, seed: int, kills: int, tracking: str = "none") -> Tally:
    """Each stack gets some kills and then an `up` that has to succeed. MLflow's server is killed too, if there is one.

    It takes long to build, and is not there unless asked for.
    """
    environment = toolchain_environment()
    tally = Tally()
    number = 0
    while tally.kills < kills:
        chance = random.Random(f"{seed}-engine-{number}")
        project = Project(folder / f"project-{number}", environment)
        workspace = project.folder / ".trainup" / STACK
        starts = project.folder / "starts"
        project.script(SCRIPT)
        run = {"source": "code", "script": "main.py", "arguments": [str(starts)]}
        if tracking != "none":  # the server is there when the kills begin
            project.configure(tracking=tracking, runs={})
            finished(project)
        project.configure(tracking=tracking, runs={"r": run})
        for _ in range(KILLS_PER_RUN):
            running = project.start("up")
            wait_a_while(running, chance.uniform(0, START_OF_A_RUN + LONGEST))
            victim = chance.choice([name for name in VICTIMS if tracking != "none" or name != "MLflow"])
            if strike(victim, running, processes(workspace, "r-") + server(workspace)):
                tally.killed()
            running.finish()
            project.unlock()
        finished(project)
        target = LocalTarget(Workspace(workspace, project.folder))
        tally.ended(target, project.resource("r")["id"], starts_of(starts))
        if not project.up("--expect-no-changes").is_empty:
            tally.lost.append("a second up was not empty")
        assert project.destroy().code == 0
        number += 1
    return tally


def wait_a_while(running: Running, seconds: float) -> None:
    """So many seconds, or until the command has ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.process.wait(seconds)


def strike(victim: str, running: Running, others: Iterable[psutil.Process] = ()) -> bool:
    """Kill what the CLI has started, and others, as far as it belongs to the victim; and the CLI, if that does.

    Returns whether there was something to kill while the command went on.
    """
    if running.process.poll() is not None:
        return False
    struck = "CLI" in victim
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in [*psutil.Process(running.process.pid).children(recursive=True), *others]:
            with contextlib.suppress(psutil.Error):
                if VICTIMS[victim] in " ".join(process.cmdline()):
                    process.kill()
                    struck = True
    if "CLI" in victim:
        running.kill()
    return struck


def server(workspace: Path) -> list[psutil.Process]:
    """The MLflow server of a workspace, and what keeps it alive."""
    return [process for process in of(workspace) if "mlflow" in " ".join(process.cmdline())]


def finished(project: Project) -> Result | None:
    """Deploy until it succeeds; None when it does not."""
    for _ in range(MOST_TRIES):
        project.unlock()
        if (result := project.up()).code == 0:
            return result
    return None
