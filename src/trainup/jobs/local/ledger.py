"""The local record of runs: one folder per attempt, written so that a kill at any moment loses nothing."""

import contextlib
import datetime
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainup.core.failure import Failure, FailureClass
from trainup.core.naming import id_of, job_name
from trainup.core.numbers import to_number
from trainup.core.status import Status
from trainup.jobs.local import launch
from trainup.jobs.local.files import UnreadableRecord, is_held, read_json, write_json
from trainup.jobs.local.machine import boot_id, machine_id
from trainup.jobs.local.workspace import STATUS, RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record, TargetError

Kinds = Mapping[str, type | tuple[type, ...]]
DEFINITION: Kinds = {
    "machine": str,
    "run": str,
    "id": str,
    "attempt": int,
    "digest": str,
    "token": str,
    "created": str,
    "spec": dict,
    "cluster": (str, type(None)),
    "sources": dict,
    "owners": list,
    "policy": dict,
}
"""What every definition has."""
OWNER: Kinds = {"urn": str, "token": str}
"""What each owner has."""
STATE: Kinds = {"phases": dict, "metrics": dict, "best": dict, "web_url": str, "failure": dict}
"""What a status may have."""
FAILURE: Kinds = {"message": str, "exit_code": (int, type(None)), "signal": (str, type(None))}
"""What is kept of a failure."""
MOST_EXIT_CODE = 2**32
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
        return _number_in(definition_of(folder) or {})
    return 0


def _number_in(definition: Mapping[str, Any]) -> int:
    number = definition.get("number", 0)
    return number if type(number) is int else 0


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


def folders(workspace: Workspace, identity: str | None = None) -> Iterator[RunFolder]:
    """All attempts there are, of all runs or of one."""
    runs = workspace.runs
    for name in _names(runs):
        if identity is None or (name.startswith(identity) and id_of(name) == identity):
            yield RunFolder(runs / name)


def _names(runs: Path) -> list[str]:
    if not runs.is_dir():
        return []
    return sorted(name for name in os.listdir(runs) if not name.startswith("."))


def active_folders(workspace: Workspace) -> Iterator[RunFolder]:
    """The attempts that have not ended. Of those that have, this takes one look at a file, since they are many."""
    runs = workspace.runs
    for name in _names(runs):
        if not has_ended(folder := f"{runs}/{name}"):
            yield RunFolder(Path(folder))


def definition_of(folder: RunFolder) -> dict[str, Any] | None:
    """What was recorded when the attempt was claimed."""
    return read_json(folder.definition)


def _judge(record: Mapping[str, Any], kinds: Kinds, *, whole: bool) -> None:
    """Refuse what is of another kind than it should be; of a `whole` record nothing is missing. KeyError, TypeError."""
    for name, kind in kinds.items():
        if (whole or name in record) and not isinstance(record[name], kind):
            raise TypeError(f"{name} is {type(record[name]).__name__}")


def has_ended(folder: str) -> bool:
    """Whether the attempt in this folder has ended. That is never taken back, but another may come in its place."""
    status = f"{folder}/{STATUS}"
    try:
        file = _file(status)
        if _ended.get(folder) == file:
            return True
        if not Status((read_json(Path(status)) or {}).get("status", Status.QUEUED)).is_terminal:
            return False
    except (OSError, UnreadableRecord, ValueError):
        return False
    _ended[folder] = file
    return True


def owners_of(folder: RunFolder) -> tuple[Owner, ...]:
    """Whose the attempt is, asked of many runs for each that starts: read again where it may have changed.

    UnreadableRecord where the record does not tell.
    """
    try:
        file = _file(str(folder.definition))
        if (known := _owners.get(folder.path)) is None or known[0] != file:
            definition = definition_of(folder) or {"owners": []}
            known = _owners[folder.path] = (file, tuple(Owner(**owner) for owner in definition["owners"]))
    except FileNotFoundError:  # removed, or not yet written
        return ()
    except (LookupError, TypeError, OSError) as error:
        raise damaged(folder, error) from error
    return known[1]


def _file(path: str) -> tuple[int, int, int]:
    """Another one whenever the file was replaced. OSError where there is none."""
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns, status.st_size


_ended: dict[str, tuple[int, int, int]] = {}
"""Folders of attempts that have ended → the status file that says so."""
_owners: dict[Path, tuple[tuple[int, int, int], tuple[Owner, ...]]] = {}
"""Folders of attempts → the definition's file, and the owners that it names."""


def damaged(folder: RunFolder, error: Exception) -> UnreadableRecord:
    """What is said of a record that cannot be used."""
    return UnreadableRecord(
        f"the record in {folder.path} is damaged ({error!r}): move that folder away, then run the command again"
    )


def view(workspace: Workspace, folder: RunFolder) -> Record | None:
    """The attempt as it stands now. Reads only."""
    try:
        return _view(workspace, folder)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise damaged(folder, error) from error


def _has_printed(folder: RunFolder) -> bool:
    """Whether the command wrote anything; before that, its status is on disk."""
    return any(path.is_file() and path.stat().st_size > 0 for path in (folder.log, folder.raw_log))


def _is_of_this_boot(definition: dict[str, Any]) -> bool:
    """Whether an attempt was claimed on this very kernel: all containers of a machine see who holds its lock."""
    return bool(boot_id()) and definition.get("boot") == boot_id()


def _view(workspace: Workspace, folder: RunFolder) -> Record | None:
    definition = definition_of(folder)
    if definition is None:
        return None
    _judge(definition, DEFINITION, whole=True)
    for owner in definition["owners"]:
        _judge(owner, OWNER, whole=True)
        _judge(owner, {"place": str}, whole=False)
    if folder.name != job_name(definition["id"], definition["attempt"]):
        raise ValueError(f"it is the record of attempt {definition['attempt']} of {definition['id']!r}")
    # The lock before the status: whoever had let go of the lock had written the last word before.
    alive = is_held(folder.lock)
    state = read_json(folder.status) or {}
    _judge(state, STATE, whole=False)
    if "status" not in state and _has_printed(folder):
        raise UnreadableRecord(
            f"{folder.status} is missing or empty, though the run had begun: restore it, or move {folder.path} away to "
            "train again"
        )
    status = Status(state.get("status", Status.QUEUED))
    _judge(state.get("failure", {}), FAILURE, whole=False)
    failure = Failure.from_dict(state["failure"]) if "failure" in state else None
    if failure and abs(failure.exit_code or 0) > MOST_EXIT_CODE:
        raise ValueError(f"{failure.exit_code} is no exit code")
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
        number=_number_in(definition),
        failure=failure,
        phases={name: float(value) for name, value in state.get("phases", {}).items()},
        metrics={key: to_number(value) for key, value in state.get("metrics", {}).items()},
        best={key: to_number(value) for key, value in state.get("best", {}).items()},
        log_uri=workspace.shown(folder.log),
        outputs_uri=workspace.shown(folder.outputs),
        waiting=f"its metrics could not be read: {problem}" if (problem := state.get("tracking_error")) else "",
        web_url=state.get("web_url", ""),
        reproduce=launch.reproduce(workspace, folder, definition),
    )
