"""The local record of runs: one folder per attempt, written so that a kill at any moment loses nothing."""

import contextlib
import datetime
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from trainup.core.failure import Failure, FailureClass
from trainup.core.naming import job_name
from trainup.core.numbers import to_number
from trainup.core.status import Status
from trainup.jobs.local import launch
from trainup.jobs.local.files import UnreadableRecord, is_held, read_json, write_json
from trainup.jobs.local.machine import boot_id, machine_id
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record, TargetError

LOST = "what watched over the run is gone (killed, or the machine was restarted), and the command was stopped"


def claim(workspace: Workspace, job: Job, attempt: int) -> RunFolder:
    """Write the definition of a new attempt; needs the workspace's lock."""
    folder = RunFolder(workspace.runs / job_name(job.id, attempt))
    for path in (folder.logs, folder.outputs):
        path.mkdir(parents=True, exist_ok=True)
    definition = {
        "machine": machine_id(),
        "boot": boot_id(),
        "name": folder.name,
        "run": job.run,
        "id": job.id,
        "attempt": attempt,
        "digest": job.digest,
        "token": uuid.uuid4().hex,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        "number": next_number(workspace),
        "spec": job.spec.identity() | {"nodes": job.spec.nodes},
        "cluster": job.cluster,
        "sources": {name: dict(source) for name, source in job.sources.items()},
        "owners": [asdict(job.owner)],
        "policy": policy_of(job),
    }
    write_json(folder.definition, definition)
    return folder


def next_number(workspace: Workspace) -> int:
    """The number of a claim, higher than all before it: a clock may be set back. Needs the workspace's lock."""
    try:
        last = (read_json(workspace.claims) or {})["last"]
    except (UnreadableRecord, KeyError):
        last = None
    if type(last) is not int:  # there is none yet, or it was damaged: the records tell it as well
        last = max((_number_of(folder) for folder in folders(workspace)), default=0)
    # No fsync: whoever claims writes the run's own record after it, and that is made durable.
    write_json(workspace.claims, {"last": last + 1}, durable=False)
    return last + 1


def _number_of(folder: RunFolder) -> int:
    with contextlib.suppress(UnreadableRecord):  # who asks for that run is told
        number = (definition_of(folder) or {}).get("number", 0)
        return number if type(number) is int else 0
    return 0


def policy_of(job: Job) -> dict[str, Any]:
    """The policy that the supervisor obeys; it may change while the run goes on."""
    spec = job.spec
    return {
        "timeout": spec.timeout,
        "display_name": spec.display_name,
        "description": spec.description,
        "experiment_name": spec.experiment_name,
        "tags": dict(spec.tags),
    }


def folders(workspace: Workspace) -> Iterator[RunFolder]:
    """All attempts there are."""
    if workspace.runs.is_dir():
        for path in sorted(workspace.runs.iterdir()):
            if not path.name.startswith("."):
                yield RunFolder(path)


def definition_of(folder: RunFolder) -> dict[str, Any] | None:
    """What was recorded when the attempt was claimed."""
    return read_json(folder.definition)


def view(workspace: Workspace, folder: RunFolder) -> Record | None:
    """The attempt as it stands now. Reads only."""
    try:
        return _view(workspace, folder)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableRecord(
            f"the record in {folder.path} is damaged ({error!r}): move that folder away, then run the command again"
        ) from error


def _is_of_this_boot(definition: dict[str, Any]) -> bool:
    """Whether an attempt was claimed on this very kernel: all containers of a machine see who holds its lock."""
    return bool(boot_id()) and definition.get("boot") == boot_id()


def _view(workspace: Workspace, folder: RunFolder) -> Record | None:
    definition = definition_of(folder)
    if definition is None:
        return None
    # The lock before the status: whoever had let go of the lock had written the last word before.
    alive = is_held(folder.lock)
    state = read_json(folder.status) or {}
    status = Status(state.get("status", Status.QUEUED))
    failure = Failure.from_dict(state["failure"]) if "failure" in state else None
    if not status.is_terminal and not alive:
        if definition["machine"] != machine_id() and not _is_of_this_boot(definition):
            raise TargetError(
                f"{workspace.shown(folder.path)} is the record of a run that is active on another machine: "
                "end it there, or remove that folder if the machine is gone"
            )
        if state.get("started"):
            status = Status.NOT_RESPONDING
            failure = Failure(FailureClass.SERVICE, LOST)
    return Record(
        name=folder.name,
        run=definition["run"],
        id=definition["id"],
        attempt=definition["attempt"],
        digest=definition["digest"],
        status=status,
        abandoned=not status.is_terminal and not alive,
        owners=tuple(Owner(**owner) for owner in definition["owners"]),
        created=definition["created"],
        number=definition.get("number", 0),
        failure=failure,
        phases=state.get("phases", {}),
        metrics={key: to_number(value) for key, value in state.get("metrics", {}).items()},
        best={key: to_number(value) for key, value in state.get("best", {}).items()},
        log_uri=workspace.shown(folder.log),
        outputs_uri=workspace.shown(folder.outputs),
        waiting=f"its metrics could not be read: {problem}" if (problem := state.get("tracking_error")) else "",
        web_url=state.get("web_url", ""),
        reproduce=launch.reproduce(workspace, folder, definition),
    )
