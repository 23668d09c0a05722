"""Takes a run's node away, for drills: everything of the run on this machine is killed, and nothing of it is asked."""

import contextlib
import json

import psutil

from trainup.core.disk import replace_file
from trainup.core.failure import Failure, FailureClass
from trainup.jobs.local import processes
from trainup.jobs.local.workspace import RunFolder

SUPERVISOR = "trainup.jobs.local.supervisor"
"""Module in the command lines of supervisors, as `ps` shows them."""


def evict(folder: RunFolder, token: str, reason: str) -> None:
    """Kill the supervisor of an attempt and every process with its token, and leave word that the node was taken."""
    supervisors = processes.called(SUPERVISOR, str(folder.path))
    for supervisor in supervisors:
        with contextlib.suppress(psutil.Error):
            supervisor.suspend()  # or it would see the word, and let the command end by itself
    failure = Failure(FailureClass.PREEMPTED, f"its node was taken away: {reason}")
    replace_file(folder.cancel, json.dumps(failure.to_dict()))
    for supervisor in supervisors:
        with contextlib.suppress(psutil.Error):
            supervisor.kill()
    processes.kill_all_of(token)
    psutil.wait_procs(supervisors, timeout=10)
