"""Reads the records of many attempts: those that can be read, and what is wrong with the others."""

import contextlib
from collections.abc import Iterable, Mapping

from trainup.core.naming import id_of, run_of
from trainup.jobs.local import index, ledger
from trainup.jobs.local.files import UnreadableRecord
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record, StackUrns, TargetError

Problem = UnreadableRecord | TargetError
"""Why a record cannot be used."""


def all_of(workspace: Workspace, run_id: str | None = None) -> list[Record]:
    """All attempts, of all runs or of one. Raises what is wrong with one that cannot be read."""
    return _all(readable(workspace, run_id))


def readable(
    workspace: Workspace, run_id: str | None = None, beginning: str = ""
) -> tuple[list[Record], list[Problem]]:
    """The attempts that can be read, of all runs or of one, by name; and what is wrong with the others."""
    return _read(workspace, (folder.name for folder in ledger.folders(workspace, run_id, beginning)))


def active_runs(workspace: Workspace, job: Job) -> list[Record]:
    """The attempts of the job's resource that have not ended. Raises what is wrong with one of its run."""
    records = []
    for folder in ledger.active_folders(workspace):
        try:
            if not any(job.owner.is_same_resource(other) for other in ledger.owners_of(folder)):
                continue
            record = ledger.view(workspace, folder)
        except (UnreadableRecord, TargetError):
            if run_of(folder.name) == job.run:
                raise
            continue  # a record of another run, whose error is reported when that run is read
        records += [record] if record and not record.status.is_terminal else []
    return records


def owned(workspace: Workspace, owner: Owner) -> list[Record]:
    """All attempts of a resource. Raises what is wrong with one of them."""
    # What else the owner may have is only known where it can be read; damaged ones are reported by name.
    folders = ledger.folders(workspace)
    mine = [folder.name for folder in folders if ledger.is_of(folder, owner)]
    return _all(_read(workspace, mine))


def at_work(workspace: Workspace, run: str, stack: StackUrns) -> list[Record]:
    """The attempt of a stack's run that has not ended, if there is one."""
    # Of one resource only the last can be at work, so that those of all former inputs need not be read.
    names = [folder for folder in ledger.folders(workspace, beginning=run) if run_of(folder.name) == run]
    last = max(names, key=_changed, default=None)
    record = ledger.view(workspace, last) if last else None
    is_mine = record is not None and any(stack.owns(owner) for owner in record.owners)
    return [record] if record and is_mine and not record.status.is_terminal and not record.abandoned else []


def history(
    workspace: Workspace, stack: StackUrns, beginning: str = "", newest: int | None = None
) -> tuple[list[Record], list[Problem]]:
    """The attempts that a stack has or had, in the order of their claims, as `Target.history` tells them."""
    names = [name for name in ledger.names(workspace) if name.startswith(beginning)]
    if newest is not None and len(names) > newest:
        names = sorted(names, key=lambda name: _changed(RunFolder(workspace.runs / name)))[-newest:]
    is_whole = not beginning and newest is None
    records, problems = _read(workspace, names, indexed=is_whole and len(names) >= index.FEWEST)
    mine = [record for record in records if was_of(record, stack)]
    return sorted(mine, key=lambda record: (record.number, record.created)), problems


def current(
    workspace: Workspace, stack: StackUrns, ids: Mapping[str, str], only: str | None = None
) -> tuple[list[Record], list[Problem]]:
    """The attempts that may be the current ones of a stack's runs, by name; and what is wrong with others.

    `ids` are the ids of the runs in its state: of these runs no other attempts are read. `only` is the one run that is
    asked for.
    """
    names = [name for name in ledger.names(workspace) if name.startswith(only or "")]
    known = {run_id for run, run_id in ids.items() if only in (None, run)}
    others = [name for name in names if run_of(name) not in ids and only in (None, run_of(name))]
    records, problems = _read(workspace, [name for name in names if id_of(name) in known])
    more, more_problems = _read(workspace, others, indexed=len(others) >= index.FEWEST)
    owned = [record for record in more if any(stack.owns(owner) for owner in record.owners)]
    return records + owned, problems + more_problems


def has_result(workspace: Workspace, folder: RunFolder, sweep: str) -> bool:
    """As `Record.has_result`. Most have completed, which their status alone tells; what cannot be read has none."""
    if (is_complete := ledger.has_completed(folder)) or not sweep:
        return is_complete
    with contextlib.suppress(UnreadableRecord, TargetError):
        record = ledger.view(workspace, folder)
        return record is not None and record.has_result(sweep)
    return False


def was_of(record: Record, stack: StackUrns) -> bool:
    """Whether a stack owns the record, or has given it up, or may have: older records do not say who had them."""
    owners = (*record.owners, *record.released)
    return not owners or any(stack.owns(owner) for owner in owners)


def _all(result: tuple[list[Record], list[Problem]]) -> list[Record]:
    records, problems = result
    if problems:
        raise problems[0]
    return records


def _read(workspace: Workspace, names: Iterable[str], *, indexed: bool = False) -> tuple[list[Record], list[Problem]]:
    """These attempts. With `indexed`, those that have ended come from the index, which is brought up to date."""
    if not indexed:
        return _read_each(workspace, names, None)
    with index.without_collections():
        known = index.read(workspace)
        result = _read_each(workspace, names, known)
        known.save()
        return result


def _read_each(
    workspace: Workspace, names: Iterable[str], known: index.Index | None
) -> tuple[list[Record], list[Problem]]:
    records: list[Record] = []
    problems: list[Problem] = []
    for name in names:
        try:
            if known and (record := known.find(name)):
                records.append(record)
                continue
            stamp = known.stamp(name) if known else None
            record = ledger.view(workspace, RunFolder(workspace.runs / name))
        except (UnreadableRecord, TargetError) as error:
            problems.append(error)
        else:
            records += [record] if record else []
            if known and record:
                known.add(record, stamp)
    return sorted(records, key=lambda record: (record.id, record.attempt)), problems


def _changed(folder: RunFolder) -> int:
    """When the definition of an attempt was written last, in nanoseconds."""
    try:
        return folder.definition.stat().st_mtime_ns
    except OSError:
        return 0
