"""Runs on this machine: the ledger is the record, a supervisor per attempt is the watcher."""

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainup.core import trials
from trainup.core.choices import OnDelete
from trainup.core.curves import Point
from trainup.core.disk import replace_file
from trainup.core.errors import TrainupError
from trainup.core.failure import Failure, FailureClass
from trainup.core.naming import id_of, run_of
from trainup.core.status import Status
from trainup.jobs.local import (
    code,
    curves,
    eviction,
    handover,
    index,
    launch,
    ledger,
    links,
    live,
    log,
    queue_places,
    run_record,
)
from trainup.jobs.local.code import file_of
from trainup.jobs.local.files import Lock, UnreadableRecord, holder_of, write_json
from trainup.jobs.local.processes import has_ended_within, kill_all_of, let_go_on
from trainup.jobs.local.run_record import Policy, RunDefinition, RunState
from trainup.jobs.local.slots import DEFAULT_CLUSTER, Pool
from trainup.jobs.local.supervisor import GRACE, ended_by_request
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.snapshot import SnapshotError
from trainup.jobs.snapshot import copy as copy_snapshot
from trainup.jobs.target import Definition, File, Job, Owner, Polling, Record, StackUrns, TargetError

CANCEL_SECONDS = GRACE + 30.0
LOOK_SECONDS = 1.0
KEEPER = "trainup.jobs.local.keeper"
"""Module in the command lines of keepers, as `ps` shows them."""
Problem = UnreadableRecord | TargetError
"""Why a record cannot be used."""
POLLING = Polling(fastest=0.05, queued=0.5, running=0.1, growth=1.1, first=0.01)


class LocalTarget:
    """The `Target` of one workspace folder. `secrets` are masked wherever a log has to be made again."""

    polling = POLLING
    has_schedules = False

    def __init__(self, workspace: Workspace, secrets: Mapping[str, str] | None = None) -> None:
        self.workspace = workspace
        self._secrets = dict(secrets or {})

    def exclusive(self) -> Lock:
        self.workspace.create()
        return self.workspace.exclusive()

    def expecting(self, job: Job) -> AbstractContextManager[Any]:
        return nullcontext()  # the ledger answers at once

    def keep_schedule(self, job: Job) -> None:
        """Nothing: there is nobody here who could start it, so `up` does once it is due."""

    def keeps_schedule(self, job: Job) -> bool:
        return True

    def remove_schedule(self, run_id: str, owner: Owner) -> None:
        """Nothing, likewise."""

    def forget_checkpoints(self, run_id: str) -> None:
        shutil.rmtree(self.workspace.runs / ".checkpoints" / run_id, ignore_errors=True)

    def active_runs(self, job: Job) -> list[Record]:
        records = []
        for folder in ledger.active_folders(self.workspace):
            try:
                if not any(job.owner.is_same_resource(other) for other in ledger.owners_of(folder)):
                    continue
                record = ledger.view(self.workspace, folder)
            except (UnreadableRecord, TargetError):
                if run_of(folder.name) == job.run:
                    raise
                continue  # a record of another run, whose error is reported when that run is read
            records += [record] if record and not record.status.is_terminal else []
        return records

    def owned(self, owner: Owner) -> list[Record]:
        # What else the owner may have is only known where it can be read; damaged ones are reported by name.
        folders = ledger.folders(self.workspace)
        mine = [folder.name for folder in folders if ledger.is_of(folder, owner)]
        records, problems = self._read(mine)
        if problems:
            raise problems[0]
        return records

    def attempts(self, run_id: str) -> list[Record]:
        return self.records(run_id)

    def get(self, name: str) -> Record | None:
        folder = self._folder(name)
        record = ledger.view(self.workspace, folder)
        if record is None or record.status is not Status.QUEUED or record.abandoned:
            return record
        return replace(record, waiting=queue_places.place(self._pool(folder), name))

    def claim(self, job: Job, attempt: int) -> Record:
        folder = ledger.claim(self.workspace, job, attempt)
        return self._view(folder)

    def adopt(self, record: Record, job: Job) -> Record:
        owners = (*(owner for owner in record.owners if not owner.is_same_resource(job.owner)), job.owner)
        changes: dict[str, Any] = {"owners": owners, "policy": self._policy(record.name, job)}
        if all(owner.is_same_resource(job.owner) for owner in owners):  # for others its place in the order stays
            changes["number"] = ledger.next_number(self.workspace)
        self._redefine(record.name, **changes)
        return replace(record, owners=owners)

    def _policy(self, name: str, job: Job) -> Policy:
        """The job's policy; the tags of other sweeps that have the same trial stay."""
        policy = ledger.policy_of(job)
        return replace(policy, tags={**trials.kept(_definition(self._folder(name)).policy.tags), **policy.tags})

    def launch(self, record: Record, job: Job) -> Record:
        folder = self._folder(record.name)
        while (lock := Lock(folder.lock)).try_acquire():  # a held lock means that the run has a supervisor or waits
            try:
                state = _state(folder)
                if state.started or state.status.is_terminal:
                    break
                self._fill(folder, job)
                handover.hand_over(self.workspace, self._pool(folder), folder, lock, self._secrets)
                break
            except handover.NoKeeper:
                continue  # whether the keeper took the run is known by its lock
            except handover.Refused as error:
                raise TargetError(str(error)) from error
            finally:
                lock.release()  # the keeper holds it by its own descriptor
        return self._view(folder)

    def settle(self, record: Record) -> Record:
        folder = self._folder(record.name)
        lock = Lock(folder.lock)
        if not record.status.is_terminal or not lock.try_acquire():
            return record
        try:
            state = _state(folder)
            if state.status.is_terminal and not folder.raw_log.exists():
                return record
            token = _definition(folder).token
            kill_all_of(token)
            links.release(token)
            log.rebuild(folder, self._secrets.values())
            if state.status.is_terminal:
                return record
            status, failure = ledger.end_of_lost(folder)
            run_record.write_state(folder, replace(state, status=status, failure=failure))
        finally:
            lock.release()
        return self._view(folder)

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        folder = self._folder(name)
        end = time.monotonic() + CANCEL_SECONDS
        look_at = time.monotonic() + LOOK_SECONDS
        while (record := ledger.view(self.workspace, folder)) and not record.status.is_terminal:
            if record.abandoned:
                self._cancel_unstarted(folder, reason, kind)
                continue
            if not folder.cancel.exists():
                failure = Failure(kind, f"the run was canceled: {reason}")
                replace_file(folder.cancel, json.dumps(failure.to_dict()))
                handover.wake(self.workspace, self._pool(folder), folder)
            if time.monotonic() > look_at:  # the processes that are to end it may have been suspended
                let_go_on(eviction.SUPERVISOR, str(folder.path))
                let_go_on(KEEPER, str(self.workspace.root))
                look_at += LOOK_SECONDS
            if time.monotonic() > end:
                raise TargetError(
                    f"{name} did not end within {CANCEL_SECONDS:.0f} s of being canceled; see {folder.logs}"
                )
            time.sleep(0.05)
        return self.settle(record) if record else None

    def evict(self, name: str, reason: str) -> None:
        folder = self._folder(name)
        record = ledger.view(self.workspace, folder)
        if record is not None and record.status is Status.RUNNING:
            eviction.evict(folder, _definition(folder).token, reason)
            handover.poke(self._pool(folder))  # its slots are free

    def release(self, run_id: str, owner: Owner, on_delete: OnDelete) -> None:
        # The owner is removed last, so that a repetition after a failure finds the same runs.
        for record in self.readable(run_id)[0]:
            if _is_only_of(record, owner):
                self.cancel(record.name, "its resource was removed")
        with self.exclusive():
            attempts, problems = self.readable(run_id)
            if on_delete is OnDelete.DELETE and attempts and all(_is_only_of(record, owner) for record in attempts):
                self.forget_checkpoints(run_id)
            for record in attempts:
                self._give_up(record, owner, on_delete)
        if problems:  # their owners are unknown: they stay as they are
            raise problems[0]

    def _give_up(self, record: Record, owner: Owner, on_delete: OnDelete) -> None:
        remaining = tuple(other for other in record.owners if other.token != owner.token)
        if len(remaining) == len(record.owners):
            return
        former = [other for other in record.owners if other.token == owner.token]
        kept = (other for other in record.released if not other.is_same_resource(former[0]))
        given_up = {"owners": remaining, "released": (*kept, former[0])}
        if on_delete is OnDelete.KEEP or remaining:
            self._redefine(record.name, **given_up)
        elif on_delete is OnDelete.ARCHIVE:
            self._redefine(record.name, **given_up, archived=True)
        else:
            self._remove(self._folder(record.name))

    def pause(self, name: str, seconds: float, stop: threading.Event) -> bool:
        supervisor = holder_of(self._folder(name).lock)
        if supervisor and has_ended_within(supervisor, seconds) is not None:
            return stop.is_set()
        return stop.wait(seconds)

    def read_log(self, name: str, position: int) -> tuple[list[str], int]:
        return log.read_lines(self._folder(name).log, position)

    def log_position(self, name: str, since: float) -> int:
        position = log.position_at(self._folder(name), since)
        if position is None:
            raise TargetError(f"it is not recorded when the lines of {name} were printed: use --tail")
        return position

    def log_tail(self, name: str, lines: int) -> list[str]:
        return log.tail(self._folder(name).log, lines)

    def files(self, name: str, part: str | None = None) -> list[File]:
        folder = self._folder(name)
        named = launch.named_outputs(folder, _definition(folder).spec)
        if part is not None and part not in (names := [path.name for path in named]):
            raise TargetError(f"{name} has no output {part!r}; there are {', '.join(sorted(names)) or 'none'}")
        root = folder.outputs / (part or "")
        return [file_of(root, path) for path in sorted(root.rglob("*")) if path.is_file()]

    def definition(self, name: str) -> Definition:
        return code.definition_of(self.workspace, _definition(self._folder(name)))

    def code(self, name: str) -> list[File]:
        return code.files(self._folder(name))

    def _folder(self, name: str) -> RunFolder:
        return RunFolder(self.workspace.runs / name)

    def _view(self, folder: RunFolder) -> Record:
        record = ledger.view(self.workspace, folder)
        if record is None:
            raise TargetError(f"{self.workspace.shown(folder.path)} was removed while the run was being started")
        return record

    def records(self, run_id: str | None = None) -> list[Record]:
        """All attempts, of all runs or of one. Raises what is wrong with one that cannot be read."""
        records, problems = self.readable(run_id)
        if problems:
            raise problems[0]
        return records

    def live(self, record: Record) -> Record:
        return record if record.status.is_terminal else live.of(self.workspace, self._folder(record.name), record)

    def at_work(self, run: str, stack: StackUrns) -> list[Record]:
        # Of one resource only the last can be at work, so that those of all former inputs need not be read.
        names = [folder for folder in ledger.folders(self.workspace, beginning=run) if run_of(folder.name) == run]
        last = max(names, key=_changed, default=None)
        record = ledger.view(self.workspace, last) if last else None
        is_mine = record is not None and any(stack.owns(owner) for owner in record.owners)
        return [record] if record and is_mine and not record.status.is_terminal and not record.abandoned else []

    def history(
        self, stack: StackUrns, beginning: str = "", *, newest: int | None = None
    ) -> tuple[list[Record], list[TrainupError]]:
        names = [name for name in ledger.names(self.workspace) if name.startswith(beginning)]
        if newest is not None and len(names) > newest:
            names = sorted(names, key=lambda name: _changed(self._folder(name)))[-newest:]
        is_whole = not beginning and newest is None
        records, problems = self._read(names, indexed=is_whole and len(names) >= index.FEWEST)
        mine = [record for record in records if _was_of(record, stack)]
        return sorted(mine, key=lambda record: (record.number, record.created)), [*problems]

    def measured(self, records: Sequence[Record], *, best: bool = False) -> list[Record]:
        return list(records)  # a record holds its metrics

    def curves(
        self, records: Sequence[Record], points: int, metrics: Collection[str] | None = None
    ) -> dict[str, dict[str, list[Point]]]:
        run_ids = {}
        for record in records:
            with contextlib.suppress(UnreadableRecord):  # whoever asks for its record is told
                if run_id := _state(self._folder(record.name)).mlflow_run_id:
                    run_ids[record.name] = run_id
        return curves.of(self.workspace, run_ids, points, metrics)

    def room(self, job: Job) -> int | None:
        settings = Pool(self.workspace, job.cluster or DEFAULT_CLUSTER).settings()
        return int(settings["max_nodes"]) // job.spec.nodes if settings else None

    def trained(self, run_ids: Collection[str]) -> set[str]:
        folders = [folder for folder in ledger.folders(self.workspace) if id_of(folder.name) in run_ids]
        return {id_of(folder.name) for folder in folders if ledger.has_completed(folder)}

    def is_of(self, record: Record, stack: StackUrns) -> bool:
        return _was_of(record, stack)

    def current(
        self, stack: StackUrns, ids: Mapping[str, str], only: str | None = None
    ) -> tuple[list[Record], list[Problem]]:
        """The attempts that may be the current ones of a stack's runs, by name; and what is wrong with others.

        `ids` are the ids of the runs in its state: of these runs no other attempts are read. `only` is the one run that
        is asked for.
        """
        names = [name for name in ledger.names(self.workspace) if name.startswith(only or "")]
        known = {run_id for run, run_id in ids.items() if only in (None, run)}
        others = [name for name in names if run_of(name) not in ids and only in (None, run_of(name))]
        records, problems = self._read([name for name in names if id_of(name) in known])
        more, more_problems = self._read(others, indexed=len(others) >= index.FEWEST)
        owned = [record for record in more if any(stack.owns(owner) for owner in record.owners)]
        return records + owned, problems + more_problems

    def readable(self, run_id: str | None = None, beginning: str = "") -> tuple[list[Record], list[Problem]]:
        """The attempts that can be read, of all runs or of one, by name; and what is wrong with the others."""
        return self._read(folder.name for folder in ledger.folders(self.workspace, run_id, beginning))

    def _read(self, names: Iterable[str], *, indexed: bool = False) -> tuple[list[Record], list[Problem]]:
        """These attempts. With `indexed`, those that have ended come from the index, which is brought up to date."""
        if not indexed:
            return self._read_each(names, None)
        with index.without_collections():
            known = index.read(self.workspace)
            result = self._read_each(names, known)
            known.save()
            return result

    def _read_each(self, names: Iterable[str], known: index.Index | None) -> tuple[list[Record], list[Problem]]:
        records: list[Record] = []
        problems: list[Problem] = []
        for name in names:
            try:
                if known and (record := known.find(name)):
                    records.append(record)
                    continue
                stamp = known.stamp(name) if known else None
                record = ledger.view(self.workspace, self._folder(name))
            except (UnreadableRecord, TargetError) as error:
                problems.append(error)
            else:
                records += [record] if record else []
                if known and record:
                    known.add(record, stamp)
        return sorted(records, key=lambda record: (record.id, record.attempt)), problems

    def _redefine(self, name: str, **changes: Any) -> None:
        folder = self._folder(name)
        run_record.write_definition(folder, replace(_definition(folder), **changes))

    def _fill(self, folder: RunFolder, job: Job) -> None:
        """Put the snapshot into the run's folder; a claim that cannot be filled is given up again."""
        try:
            links.check_all_there(job.data_inputs)
            if job.source is None:
                folder.code.mkdir(exist_ok=True)
            elif not folder.code.is_dir():
                copy_snapshot(job.source, folder.code, expected_digest=job.spec.snapshot or "", manifest=job.manifest)
                write_json(folder.manifest, {"files": dict(job.manifest)}, durable=False)
            _link_outputs(folder)
        except (SnapshotError, TargetError, OSError):
            self._remove(folder)
            raise

    def _pool(self, folder: RunFolder) -> Pool:
        return Pool(self.workspace, _definition(folder).cluster or DEFAULT_CLUSTER)

    def _cancel_unstarted(self, folder: RunFolder, reason: str, kind: FailureClass) -> None:
        lock = Lock(folder.lock)
        if lock.try_acquire():
            try:
                state = _state(folder)
                if not state.started and not state.status.is_terminal:
                    failure = Failure(kind, f"the run was canceled before it started: {reason}")
                    run_record.write_state(folder, replace(state, status=ended_by_request(failure), failure=failure))
                    self._pool(folder).withdraw(folder)
            finally:
                lock.release()

    def _remove(self, folder: RunFolder) -> None:
        state = _state(folder)
        if state.mlflow_experiment_id and state.mlflow_run_id:
            shown = self.workspace.shown_outputs(state.mlflow_experiment_id, state.mlflow_run_id)
            shutil.rmtree(shown, ignore_errors=True)
        trash = folder.path.with_name(f".{folder.name}.{time.monotonic_ns()}")
        folder.path.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)


def end_runs_of(target: LocalTarget, names: Iterable[str], owner: Owner) -> None:
    """End those of these attempts that belong to the owner's stack and to nobody else; their records stay."""
    for name in names:
        record = None
        with contextlib.suppress(UnreadableRecord):  # its owners are unknown
            record = target.get(name)
        if record and record.owners and all(owner.is_same_stack(one) for one in record.owners):
            for one in record.owners:
                target.release(record.id, one, OnDelete.KEEP)


def _changed(folder: RunFolder) -> int:
    """When the definition of an attempt was written last, in nanoseconds."""
    try:
        return folder.definition.stat().st_mtime_ns
    except OSError:
        return 0


def _definition(folder: RunFolder) -> RunDefinition:
    if (definition := run_record.read_definition(folder)) is None:
        raise TargetError(f"there is no run in {folder.path}, or it was removed meanwhile: run the command again")
    return definition


def _state(folder: RunFolder) -> RunState:
    return run_record.read_state(folder) or RunState()


def _was_of(record: Record, stack: StackUrns) -> bool:
    """Whether a stack owns the record, or has given it up, or may have: older records do not say who had them."""
    owners = (*record.owners, *record.released)
    return not owners or any(stack.owns(owner) for owner in owners)


def _is_only_of(record: Record, owner: Owner) -> bool:
    return {other.token for other in record.owners} == {owner.token}


def _link_outputs(folder: RunFolder) -> None:
    """Make `./outputs` of the working directory the run's outputs, which begin empty whatever the source has there."""
    link = folder.code / "outputs"
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    if not os.path.lexists(link):  # done before a kill; a file of that name in the source is the script's own affair
        link.symlink_to(Path("..") / folder.outputs.name, target_is_directory=True)
