"""Ends attempts from outside: cancels them, settles what a lost supervisor has left, and removes them."""

import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace

from trainup.core.disk import replace_file
from trainup.core.failure import CANCELED, Failure, FailureClass
from trainup.jobs.local import eviction, handover, ledger, links, log, run_record
from trainup.jobs.local.files import Lock
from trainup.jobs.local.processes import LOOK_SECONDS, kill_all_of, let_go_on
from trainup.jobs.local.supervisor import GRACE, ended_by_request
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Record, TargetError

CANCEL_SECONDS = GRACE + 30.0
KEEPER = "trainup.jobs.local.keeper"
"""Module in the command lines of keepers, as `ps` shows them."""


def cancel(workspace: Workspace, folder: RunFolder, reason: str, kind: FailureClass) -> Record | None:
    """Ask an attempt to end, and wait for that; returns its record. Raises TargetError if it goes on."""
    end = time.monotonic() + CANCEL_SECONDS
    look_at = time.monotonic() + LOOK_SECONDS
    while (record := ledger.view(workspace, folder)) and not record.status.is_terminal:
        if record.abandoned:
            _cancel_unstarted(workspace, folder, reason, kind)
            continue
        if not folder.cancel.exists():
            failure = Failure(kind, f"{CANCELED}{reason}")
            replace_file(folder.cancel, json.dumps(failure.to_dict()))
            handover.wake(workspace, handover.pool_of(workspace, folder), folder)
        if time.monotonic() > look_at:  # the processes that are to end it may have been suspended
            let_go_on(eviction.SUPERVISOR, str(folder.path))
            let_go_on(KEEPER, str(workspace.root))
            look_at += LOOK_SECONDS
        if time.monotonic() > end:
            raise TargetError(
                f"{folder.name} did not end within {CANCEL_SECONDS:.0f} s of being canceled; see {folder.logs}"
            )
        time.sleep(0.05)
    return record


def _cancel_unstarted(workspace: Workspace, folder: RunFolder, reason: str, kind: FailureClass) -> None:
    lock = Lock(folder.lock)
    if lock.try_acquire():
        try:
            state = ledger.state_of(folder)
            if not state.started and not state.status.is_terminal:
                failure = Failure(kind, f"the run was canceled before it started: {reason}")
                run_record.write_state(folder, replace(state, status=ended_by_request(failure), failure=failure))
                handover.pool_of(workspace, folder).withdraw(folder)
        finally:
            lock.release()


def settle(folder: RunFolder, secrets: Iterable[str]) -> bool:
    """End what is left of an attempt that has ended; returns whether its record was changed by it."""
    lock = Lock(folder.lock)
    if not lock.try_acquire():
        return False
    try:
        state = ledger.state_of(folder)
        if state.status.is_terminal and not folder.raw_log.exists():
            return False
        token = ledger.definition_of(folder).token
        kill_all_of(token)
        links.release(token)
        log.rebuild(folder, secrets)
        if state.status.is_terminal:
            return False
        status, failure = ledger.end_of_lost(folder)
        run_record.write_state(folder, replace(state, status=status, failure=failure))
    finally:
        lock.release()
    return True


def remove(workspace: Workspace, folder: RunFolder) -> None:
    """Remove an attempt with its record, its files and what the MLflow server shows of them."""
    state = ledger.state_of(folder)
    if state.mlflow_experiment_id and state.mlflow_run_id:
        shown = workspace.shown_outputs(state.mlflow_experiment_id, state.mlflow_run_id)
        shutil.rmtree(shown, ignore_errors=True)
    trash = folder.path.with_name(f".{folder.name}.{time.monotonic_ns()}")
    folder.path.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)
