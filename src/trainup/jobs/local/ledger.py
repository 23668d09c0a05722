"""The local record of runs: one folder per attempt, written so that a kill at any moment loses nothing."""

import contextlib
import datetime
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from trainup.core.failure import Failure, FailureClass
from trainup.core.naming import id_of, job_name
from trainup.core.status import Status
from trainup.core.trials import read as trials_of
from trainup.core.trials import tags_of, without
from trainup.jobs.local import launch, run_record
from trainup.jobs.local.files import ByFile, UnreadableRecord, is_held, read_json, write_json
from trainup.jobs.local.machine import boot_id, machine_id
from trainup.jobs.local.run_record import Policy, RunDefinition, RunState
from trainup.jobs.local.workspace import LOG, OUTPUTS, STATUS, RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record, TargetError

LOST = "what watched over the run is gone (killed, or the machine was restarted), and the command was stopped"


def claim(workspace: Workspace, job: Job, attempt: int) -> RunFolder:
    """Write the definition of a new attempt; needs the workspace's lock."""
    folder = RunFolder(workspace.runs / job_name(job.id, attempt))
    for path in (folder.logs, folder.outputs):
        path.mkdir(parents=True, exist_ok=True)
    definition = RunDefinition(
        machine=machine_id(),
        boot=boot_id(),
        name=folder.name,
        run=job.run,
        id=job.id,
        attempt=attempt,
        digest=job.digest,
        token=uuid.uuid4().hex,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        number=next_number(workspace),
        spec=job.spec.identity() | {"nodes": job.spec.nodes},
        cluster=job.cluster,
        data_inputs={name: dict(item) for name, item in job.data_inputs.items()},
        owners=(job.owner,),
        policy=policy_of(job),
        git=job.git,
    )
    run_record.write_definition(folder, definition)
    return folder


def next_number(workspace: Workspace) -> int:
    """The number of a claim, higher than all before it: a clock may be set back. Needs the workspace's lock."""
    try:
        last = (read_json(workspace.claims) or {})["last"]
    except (UnreadableRecord, KeyError):
        last = None
    if type(last) is not int:  # missing or damaged: the records have it as well
        last = max((_number_of(folder) for folder in folders(workspace)), default=0)
    # No fsync: the caller then writes the run's own record, which is durable.
    write_json(workspace.claims, {"last": last + 1}, durable=False)
    return last + 1


def _number_of(folder: RunFolder) -> int:
    with contextlib.suppress(UnreadableRecord):  # whoever asks for that run gets the error
        definition = run_record.read_definition(folder)
        return definition.number if definition else 0
    return 0


def policy_of(job: Job) -> Policy:
    """The policy that the supervisor obeys; it may change while the run goes on."""
    spec = job.spec
    return Policy(
        timeout=spec.timeout,
        display_name=spec.display_name,
        description=spec.description,
        experiment_name=spec.experiment_name,
        tags={**spec.tags, **tags_of(job.owner.urn, job.trial)},
    )


def folders(workspace: Workspace, run_id: str | None = None, beginning: str = "") -> Iterator[RunFolder]:
    """All attempts there are, of all runs or of one, whose names have this beginning."""
    for name in names(workspace):
        if name.startswith(run_id or beginning) and run_id in (None, id_of(name)):
            yield RunFolder(workspace.runs / name)


def names(workspace: Workspace) -> list[str]:
    """The names of all attempts there are."""
    runs = workspace.runs
    if not runs.is_dir():
        return []
    return sorted(name for name in os.listdir(runs) if not name.startswith("."))


def active_folders(workspace: Workspace) -> Iterator[RunFolder]:
    """The attempts that have not ended. For each of the many ended ones, only its status file is looked at."""
    runs = workspace.runs
    for name in names(workspace):
        if not has_ended(folder := f"{runs}/{name}"):
            yield RunFolder(Path(folder))


def has_ended(folder: str) -> bool:
    """Whether the attempt in this folder has ended. That is never taken back, but another may come in its place."""
    try:
        return _statuses.of(f"{folder}/{STATUS}").is_terminal
    except (OSError, UnreadableRecord):
        return False


def has_completed(folder: RunFolder) -> bool:
    """Whether the attempt in this folder has completed; its record may be damaged otherwise."""
    try:
        return _statuses.of(str(folder.status)) is Status.COMPLETED
    except (OSError, UnreadableRecord):
        return False


def owners_of(folder: RunFolder) -> tuple[Owner, ...]:
    """The owners of the attempt, cached since every start reads those of many runs. Raises UnreadableRecord."""
    try:
        return _owners.of(str(folder.definition))
    except FileNotFoundError:  # removed, or not yet written
        return ()
    except OSError as error:
        raise run_record.damaged(folder, error) from error


def is_of(folder: RunFolder, owner: Owner) -> bool:
    """Whether an attempt belongs to a resource; one whose owners cannot be read belongs to nobody."""
    try:
        return any(owner.is_same_resource(other) for other in owners_of(folder))
    except UnreadableRecord:
        return False


_statuses = ByFile(lambda path: run_record.read_status(RunFolder(path.parent)), lambda status: status.is_terminal)
_owners = ByFile(lambda path: run_record.read_owners(RunFolder(path.parent)))


def definition_of(folder: RunFolder) -> RunDefinition:
    """The definition of an attempt. Raises TargetError where there is none, UnreadableRecord where it is damaged."""
    if (definition := run_record.read_definition(folder)) is None:
        raise TargetError(f"there is no run in {folder.path}, or it was removed meanwhile: run the command again")
    return definition


def state_of(folder: RunFolder) -> RunState:
    """The state of an attempt, as its supervisor wrote it last; that of one which has not begun where there is none."""
    return run_record.read_state(folder) or RunState()


def view(workspace: Workspace, folder: RunFolder) -> Record | None:
    """The current record of the attempt, or None; writes nothing. Raises UnreadableRecord, TargetError."""
    try:
        return _view(workspace, folder)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise run_record.damaged(folder, error) from error


def end_of_lost(folder: RunFolder) -> tuple[Status, Failure]:
    """How an attempt ended that had begun, and whose supervisor is gone: its node was taken away, or nobody knows."""
    evicted = _eviction_of(folder)
    return (Status.FAILED, evicted) if evicted else (Status.NOT_RESPONDING, Failure(FailureClass.SERVICE, LOST))


def _eviction_of(folder: RunFolder) -> Failure | None:
    """The failure of an attempt whose node was taken away by a drill; None for any other."""
    try:
        failure = Failure.from_dict(json.loads(folder.cancel.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return failure if failure.failure_class is FailureClass.PREEMPTED else None


def _has_printed(folder: RunFolder) -> bool:
    """Whether the command wrote anything; before that, its status is on disk."""
    return any(path.is_file() and path.stat().st_size > 0 for path in (folder.log, folder.raw_log))


def _is_of_this_boot(definition: RunDefinition) -> bool:
    """Whether an attempt was claimed on the running kernel, on which all containers see the lock's holder."""
    return bool(boot_id()) and definition.boot == boot_id()


def _view(workspace: Workspace, folder: RunFolder) -> Record | None:
    definition = run_record.read_definition(folder)
    if definition is None:
        return None
    state, alive = run_record.read_state(folder), False
    if state is None or not state.status.is_terminal:
        # Look at the lock before the status: its holder writes the final status before it releases the lock.
        alive = is_held(folder.lock)
        state = run_record.read_state(folder)
    if state is None and _has_printed(folder):
        raise UnreadableRecord(
            f"{folder.status} is missing or empty, though the run had begun: restore it, or move {folder.path} away to "
            "train again"
        )
    state = state or RunState()
    status, failure = state.status, state.failure
    is_abandoned = not status.is_terminal and not alive
    if is_abandoned:
        if definition.machine != machine_id() and not _is_of_this_boot(definition):
            raise TargetError(
                f"{workspace.shown(folder.path)} is the record of a run that is active on another machine: "
                "end it there, or remove that folder if the machine is gone"
            )
        if state.started:
            status, failure = end_of_lost(folder)
            is_abandoned = False
    shown = workspace.shown(folder.path)
    return Record(
        name=folder.name,
        run=definition.run,
        id=definition.id,
        attempt=definition.attempt,
        digest=definition.digest,
        status=status,
        abandoned=is_abandoned,
        owners=definition.owners,
        released=definition.released,
        git=definition.git,
        created=definition.created,
        number=definition.number,
        failure=failure,
        phases=state.phases,
        metrics=state.metrics,
        best=state.best,
        log_uri=f"{shown}/{LOG}",
        outputs_uri=f"{shown}/{OUTPUTS}",
        tracking_error=f"its metrics could not be read: {state.tracking_error}" if state.tracking_error else "",
        web_url=state.web_url,
        node_price=0.0,
        nodes=int(definition.spec.get("nodes") or 1),
        tags=without(definition.policy.tags),
        trials=trials_of(definition.policy.tags),
        reproduce=launch.reproduce(workspace, folder, definition),
        command=() if definition.spec.get("shell") else tuple(definition.spec.get("command") or ()),
        literals=definition.literals,
    )
