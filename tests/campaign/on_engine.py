"""Kills on the real engine: of the CLI, the plugin, the supervisor, the script, or of everything at once."""

import contextlib
import random
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

import psutil

from tests.campaign.over_grpc import LONGEST
from tests.campaign.tally import Tally
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
    "keeper": "trainup.jobs.local.keeper",
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
            if strike(victim, running, of(workspace)):
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


def strike(
    victim: str,
    running: Running,
    others: Iterable[psutil.Process] = (),
    number: signal.Signals = signal.SIGKILL,
) -> list[psutil.Process]:
    """Kill what the CLI has started, and others, as far as it belongs to the victim; and the CLI, if that does.

    Or send another signal. Returns what was struck while the command went on.
    """
    if running.process.poll() is not None:
        return []
    struck: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        cli = psutil.Process(running.process.pid)
        everybody = [*cli.children(recursive=True), *others, *([cli] if "CLI" in victim else [])]
        for process in dict.fromkeys(everybody):
            with contextlib.suppress(psutil.Error):
                if process == cli or VICTIMS[victim] in " ".join(process.cmdline()):
                    process.send_signal(number)
                    struck.append(process)
    return struck


def finished(project: Project) -> Result | None:
    """Deploy until it succeeds; None when it does not."""
    for _ in range(MOST_TRIES):
        project.unlock()
        if (result := project.up()).code == 0:
            return result
    return None
