"""The target Azure ML: its jobs are the record of runs, and the service itself supervises them."""

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from trainup.core.choices import OnDelete
from trainup.core.curves import Point
from trainup.core.errors import TrainupError
from trainup.core.failure import FailureClass
from trainup.core.naming import job_name
from trainup.core.status import Status
from trainup.jobs.azure.job import definition as job_definition
from trainup.jobs.azure.job import files as job_files
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.cancellation import Canceler
from trainup.jobs.azure.job.late_roles import LateRoles
from trainup.jobs.azure.job.launcher import Launcher
from trainup.jobs.azure.job.logs import Logs
from trainup.jobs.azure.job.observation import Observer
from trainup.jobs.azure.job.phases import seconds_of
from trainup.jobs.azure.job.records import JobView
from trainup.jobs.azure.job.release import Releaser
from trainup.jobs.azure.job.schedules import Schedules
from trainup.jobs.azure.job.submission import Submission, cluster_of
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.masking import Mask
from trainup.jobs.target import Definition, File, Job, Owner, Record, StackUrns, TargetError


class AzureTarget:
    """The `Target` of one workspace of Azure ML. Safe to use from several threads for different runs."""

    def __init__(
        self,
        workspace: Workspace,
        submission: Submission,
        secrets: Mapping[str, str] | None = None,
        reproduce: str = "",
    ) -> None:
        self.workspace, self.submission = workspace, submission
        self._observer = Observer(workspace, Mask((secrets or {}).values()), reproduce)
        self._launcher = Launcher(self._observer, submission)
        self._canceler = Canceler(self._observer)
        self._releaser = Releaser(self._observer, self._canceler, submission)
        self._late_roles = LateRoles(self._observer)
        self._logs = Logs(self._observer)
        self._schedules = Schedules(workspace, submission)
        self.polling = self._observer.polling
        self.has_schedules = True

    def keep_schedule(self, job: Job) -> None:
        self._schedules.keep(job)

    def keeps_schedule(self, job: Job) -> bool:
        return self._schedules.is_kept(job)

    def remove_schedule(self, run_id: str, owner: Owner) -> None:
        self._schedules.remove(run_id, owner)

    def forget_checkpoints(self, run_id: str) -> None:
        self.submission.remove_checkpoints(run_id)

    def exclusive(self) -> AbstractContextManager[Any]:
        return nullcontext()  # the unique name of a job is the only lock that is needed

    def expecting(self, job: Job) -> AbstractContextManager[Any]:
        owner = [labels.owner_tag(job.owner)] if job.trial is None else []  # `active_runs` is not asked about trials
        reads = [*self._observer.jobs.reads(job.id, *owner), *self.submission.reads(job)]
        return self.workspace.client.prefetch(*reads, starts=self.submission.starts(job))

    def active_runs(self, job: Job) -> list[Record]:
        owner = job.owner
        views = (JobView(job) for job in self._observer.jobs.tagged(labels.owner_tag(owner)))
        records = [self._observer.record(one) for one in views if not one.has_ended]
        return [record for record in records if any(owner.is_same_resource(other) for other in record.owners)]

    def owned(self, owner: Owner) -> list[Record]:
        views = (JobView(job) for job in self._observer.jobs.tagged(labels.owner_tag(owner)))
        records = [self._observer.record(view) for view in views]
        return [record for record in records if any(owner.is_same_resource(other) for other in record.owners)]

    def attempts(self, identity: str) -> list[Record]:
        jobs = self._observer.jobs.attempts(identity)
        records = [self._observer.record(JobView(job)) for job in jobs[:-1]]
        return [*records, *(self._observer.record_with_details(job) for job in jobs[-1:])]

    def get(self, name: str) -> Record | None:
        return self._observer.get(name)

    def live(self, record: Record) -> Record:
        return self._observer.live(record)

    def at_work(self, run: str, stack: StackUrns) -> list[Record]:
        return self._observer.at_work(stack.urns.get(run, ""))

    def history(
        self, stack: StackUrns, beginning: str = "", *, newest: int | None = None
    ) -> tuple[list[Record], list[TrainupError]]:
        records = self._observer.history(stack, beginning)
        return records[-newest:] if newest else records, []

    def measured(self, records: Sequence[Record], *, best: bool = False) -> list[Record]:
        return self._observer.measured(records, best=best)

    def curves(
        self, records: Sequence[Record], points: int, metrics: Collection[str] | None = None
    ) -> dict[str, dict[str, list[Point]]]:
        return self._observer.curves(records, points, metrics)

    def room(self, job: Job) -> int | None:
        cluster = cluster_of(job, self.workspace.id)
        compute = self.workspace.compute(cluster) if cluster else None
        return compute.most_nodes // job.spec.nodes if compute and compute.most_nodes else None

    def trained(self, run_ids: Collection[str], sweep: str = "") -> set[str]:
        views = (JobView(job) for job in self._observer.jobs.tagged(labels.MANAGED))
        records = [self._observer.record(view) for view in views if view.facts.get(labels.ID) in run_ids]
        return {record.id for record in records if record.has_result(sweep)}

    def is_of(self, record: Record, stack: StackUrns) -> bool:
        return self._observer.is_of(record.name, stack)

    def claim(self, job: Job, attempt: int) -> Record:
        # Azure ML has no jobs that are not started: the request that starts a job also claims its name.
        return Record(
            name=job_name(job.id, attempt),
            run=job.run,
            id=job.id,
            attempt=attempt,
            digest=job.digest,
            status=Status.QUEUED,
            abandoned=True,
            owners=(job.owner,),
        )

    def adopt(self, record: Record, job: Job) -> Record:
        return self._launcher.adopt(record, job)

    def launch(self, record: Record, job: Job) -> Record:
        return self._launcher.launch(record, job)

    def settle(self, record: Record) -> Record:
        return self._late_roles.noted(self._canceler.settle(record))

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        return self._canceler.cancel(name, reason, kind)

    def evict(self, name: str, reason: str) -> None:
        self._canceler.evict(name)

    def release(self, identity: str, owner: Owner, on_delete: OnDelete) -> None:
        self._releaser.release(identity, owner, on_delete)

    def pause(self, name: str, seconds: float, stop: threading.Event) -> bool:
        return stop.wait(seconds)

    def read_log(self, name: str, position: int) -> tuple[list[str], int]:
        return self._logs.read(name, position)

    def log_position(self, name: str, since: float) -> int:
        record = self.get(name)
        created = seconds_of(record.created) if record else None
        if created is not None and since <= created:
            return 0
        raise TargetError(f"Azure ML does not record when the lines of {name} were printed: use --tail")

    def log_tail(self, name: str, lines: int) -> list[str]:
        return self._logs.tail(name, lines)

    def files(self, name: str, part: str | None = None) -> list[File]:
        return job_files.files(self.workspace, name, part)

    def definition(self, name: str) -> Definition:
        return job_definition.definition(self.workspace, name)

    def code(self, name: str) -> list[File]:
        return job_files.code(self.workspace, name)
