"""What a run at work has reached so far: its seconds, and the metrics that it has logged."""

import contextlib
import datetime
import time
from dataclasses import replace

from trainup.core import bounded
from trainup.core.metrics import metrics_of
from trainup.core.status import PHASES, Status
from trainup.jobs.local import run_record
from trainup.jobs.local.files import UnreadableRecord
from trainup.jobs.local.tracking import Tracking, TrackingError
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Record


def of(workspace: Workspace, folder: RunFolder, record: Record) -> Record:
    """The record with its present phase and metrics; what cannot be read now is left out. Starts no server."""
    if record.status.is_terminal or record.abandoned:
        return record
    phase = PHASES[record.status]
    seconds = record.phases.get(phase, 0.0) + max(0.0, time.time() - _entered(folder, record))
    metrics = _metrics(workspace, folder) if record.status is not Status.QUEUED else {}
    return replace(record, phases={**record.phases, phase: round(seconds, 3)}, metrics=metrics)


def _entered(folder: RunFolder, record: Record) -> float:
    """When its present phase began, by the clock: its status is written as a phase begins."""
    with contextlib.suppress(OSError):
        return folder.status.stat().st_mtime
    with contextlib.suppress(ValueError):  # it waits in the queue
        return datetime.datetime.fromisoformat(record.created).timestamp()
    return time.time()


def _metrics(workspace: Workspace, folder: RunFolder) -> dict[str, float]:
    with contextlib.suppress(UnreadableRecord, TrackingError, KeyError):
        state, tracking = run_record.read_state(folder), workspace.tracking()
        if state and state.mlflow_run_id and tracking["kind"] != "none":
            metrics = Tracking(str(tracking["uri"])).run(state.mlflow_run_id).metrics
            if metrics:
                return metrics
    with contextlib.suppress(OSError):
        return metrics_of(bounded.read_bytes(folder.outputs / "metrics.json"))
    return {}
