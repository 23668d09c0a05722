"""Runs on this machine: the ledger is the record, a supervisor per attempt is the watcher."""

import contextlib
import shutil
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from trainup.core import trials
from trainup.core.choices import OnDelete
from trainup.core.curves import Point
from trainup.core.errors import TrainupError
from trainup.core.failure import FailureClass
from trainup.core.naming import id_of
from trainup.core.status import Status
from trainup.jobs.local import (
    code,
    curves,
    ending,
    eviction,
    handover,
    launch,
    ledger,
    links,
    live,
    log,
    queue_places,
    reading,
    run_record,
)
from trainup.jobs.local.code import file_of
from trainup.jobs.local.files import Lock, UnreadableRecord, holder_of
from trainup.jobs.local.processes import await_end
from trainup.jobs.local.run_record import Policy
from trainup.jobs.local.slots import DEFAULT_CLUSTER, Pool
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.snapshot import SnapshotError
from trainup.jobs.target import Definition, File, Job, Owner, Polling, Record, StackUrns, TargetError

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
        return reading.active_runs(self.workspace, job)

    def owned(self, owner: Owner) -> list[Record]:
        return reading.owned(self.workspace, owner)

    def records(self, run_id: str | None = None) -> list[Record]:
        """All attempts, of all runs or of one. Raises what is wrong with one that cannot be read."""
        return reading.all_of(self.workspace, run_id)

    def attempts(self, run_id: str) -> list[Record]:
        return self.records(run_id)

    def get(self, name: str) -> Record | None:
        folder = self._folder(name)
        record = ledger.view(self.workspace, folder)
        if record is None or record.status is not Status.QUEUED or record.abandoned:
            return record
        return replace(record, waiting=queue_places.place(handover.pool_of(self.workspace, folder), name))

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
        return replace(
            policy, tags={**trials.kept(ledger.definition_of(self._folder(name)).policy.tags), **policy.tags}
        )

    def launch(self, record: Record, job: Job) -> Record:
        folder = self._folder(record.name)
        while (lock := Lock(folder.lock)).try_acquire():  # a held lock means that the run has a supervisor or waits
            try:
                state = ledger.state_of(folder)
                if state.started or state.status.is_terminal:
                    break
                self._fill(folder, job)
                handover.hand_over(
                    self.workspace, handover.pool_of(self.workspace, folder), folder, lock, self._secrets
                )
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
        is_settled = ending.settle(folder, self._secrets.values()) if record.status.is_terminal else False
        return self._view(folder) if is_settled else record

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        record = ending.cancel(self.workspace, self._folder(name), reason, kind)
        return self.settle(record) if record else None

    def evict(self, name: str, reason: str) -> None:
        folder = self._folder(name)
        record = ledger.view(self.workspace, folder)
        if record is not None and record.status is Status.RUNNING:
            eviction.evict(folder, ledger.definition_of(folder).token, reason)
            handover.poke(handover.pool_of(self.workspace, folder))  # its slots are free

    def release(self, run_id: str, owner: Owner, on_delete: OnDelete) -> None:
        # The owner is removed last, so that a repetition after a failure finds the same runs.
        for record in reading.readable(self.workspace, run_id)[0]:
            if _is_only_of(record, owner):
                self.cancel(record.name, "its resource was removed")
        with self.exclusive():
            attempts, problems = reading.readable(self.workspace, run_id)
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
            ending.remove(self.workspace, self._folder(record.name))

    def pause(self, name: str, seconds: float, stop: threading.Event) -> bool:
        supervisor = holder_of(self._folder(name).lock)
        if supervisor and await_end(supervisor, seconds):
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
        named = launch.named_outputs(folder, ledger.definition_of(folder).spec)
        if part is not None and part not in (names := [path.name for path in named]):
            raise TargetError(f"{name} has no output {part!r}; there are {', '.join(sorted(names)) or 'none'}")
        root = folder.outputs / (part or "")
        return [file_of(root, path) for path in sorted(root.rglob("*")) if path.is_file()]

    def definition(self, name: str) -> Definition:
        return code.definition_of(self.workspace, ledger.definition_of(self._folder(name)))

    def code(self, name: str) -> list[File]:
        return code.files(self._folder(name))

    def _folder(self, name: str) -> RunFolder:
        return RunFolder(self.workspace.runs / name)

    def _view(self, folder: RunFolder) -> Record:
        record = ledger.view(self.workspace, folder)
        if record is None:
            raise TargetError(f"{self.workspace.shown(folder.path)} was removed while the run was being started")
        return record

    def live(self, record: Record) -> Record:
        return record if record.status.is_terminal else live.of(self.workspace, self._folder(record.name), record)

    def at_work(self, run: str, stack: StackUrns) -> list[Record]:
        return reading.at_work(self.workspace, run, stack)

    def history(
        self, stack: StackUrns, beginning: str = "", *, newest: int | None = None
    ) -> tuple[list[Record], list[TrainupError]]:
        records, problems = reading.history(self.workspace, stack, beginning, newest)
        return records, [*problems]

    def measured(self, records: Sequence[Record], *, best: bool = False) -> list[Record]:
        return list(records)  # a record holds its metrics

    def curves(
        self, records: Sequence[Record], points: int, metrics: Collection[str] | None = None
    ) -> dict[str, dict[str, list[Point]]]:
        run_ids = {}
        for record in records:
            with contextlib.suppress(UnreadableRecord):  # whoever asks for its record is told
                if run_id := ledger.state_of(self._folder(record.name)).mlflow_run_id:
                    run_ids[record.name] = run_id
        return curves.of(self.workspace, run_ids, points, metrics)

    def room(self, job: Job) -> int | None:
        settings = Pool(self.workspace, job.cluster or DEFAULT_CLUSTER).settings()
        return int(settings["max_nodes"]) // job.spec.nodes if settings else None

    def trained(self, run_ids: Collection[str], sweep: str = "") -> set[str]:
        folders = [folder for folder in ledger.folders(self.workspace) if id_of(folder.name) in run_ids]
        return {id_of(folder.name) for folder in folders if reading.has_result(self.workspace, folder, sweep)}

    def is_of(self, record: Record, stack: StackUrns) -> bool:
        return reading.was_of(record, stack)

    def _redefine(self, name: str, **changes: Any) -> None:
        folder = self._folder(name)
        run_record.write_definition(folder, replace(ledger.definition_of(folder), **changes))

    def _fill(self, folder: RunFolder, job: Job) -> None:
        """Put the snapshot into the run's folder; a claim that cannot be filled is given up again."""
        try:
            links.check_all_there(job.data_inputs)
            code.fill(folder, job)
        except (SnapshotError, TargetError, OSError):
            ending.remove(self.workspace, folder)
            raise


def end_runs_of(target: LocalTarget, names: Iterable[str], owner: Owner) -> None:
    """End those of these attempts that belong to the owner's stack and to nobody else; their records stay."""
    for name in names:
        record = None
        with contextlib.suppress(UnreadableRecord):  # its owners are unknown
            record = target.get(name)
        if record and record.owners and all(owner.is_same_stack(one) for one in record.owners):
            for one in record.owners:
                target.release(record.id, one, OnDelete.KEEP)


def _is_only_of(record: Record, owner: Owner) -> bool:
    return {other.token for other in record.owners} == {owner.token}
