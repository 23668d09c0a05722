"""The schedules of Azure ML that start the jobs of runs: one for each run that has a schedule."""

from typing import Any

from trainup.core import schedules
from trainup.core.canonical import sha256
from trainup.core.input_assets import CHECKPOINTS
from trainup.core.naming import run_of
from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.body import checkpoints_uri, to_command_job
from trainup.jobs.azure.job.submission import Submission
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.target import Job, Owner, TargetError

LONG_AGO = "2020-01-01T00:00:00"
"""Start of schedules that name none: without one, Azure ML starts a job as soon as the schedule is there, and after one
that is past at the next time of the expression (documentation, reference-yaml-schedule).
"""


class Schedules:
    """Keeps the schedules of the runs of one workspace."""

    def __init__(self, workspace: Workspace, submission: Submission) -> None:
        self._workspace, self._submission = workspace, submission

    def keep(self, job: Job) -> None:
        """Create, change or delete the schedule of a job's resource. Raises SnapshotError, AzureError, TargetError."""
        name = name_of(job.run, job.owner)
        if job.spec.schedule:
            body = body_of(job, to_command_job(job, 1, self._submission.references(job)))
            try:
                self._workspace.client.put(self._workspace.schedule(name), body)
            except AzureError as error:
                raise TargetError(f"Azure ML does not take the schedule of {job.run}: {error}") from error
        # Names are formed from URNs: a resource that was moved or renamed has left one under its former name.
        for other in {name, *self._names_of(job.owner)} - ({name} if job.spec.schedule else set()):
            self._workspace.client.delete(self._workspace.schedule(other))

    def is_kept(self, job: Job) -> bool:
        """Whether the schedule is there, enabled, and starts this job at these times, or is not there if the job has
        none. Raises AzureError.
        """
        found = self._workspace.client.find(self._workspace.schedule(name_of(job.run, job.owner)))
        if not job.spec.schedule:
            return found is None
        inside = (found or {}).get("properties") or {}
        trigger, wanted = inside.get("trigger") or {}, trigger_of(job.spec.schedule)
        return (
            inside.get("isEnabled") is not False
            and _run_id(inside) == job.id
            and all(trigger.get(key) == wanted.get(key) for key in (*wanted, "endTime"))
        )

    def _names_of(self, owner: Owner) -> list[str]:
        """The names of the schedules of a resource, disabled ones included."""
        listed = self._workspace.client.pages(f"{self._workspace.id}/schedules", listViewType="All")
        tagged = ((one["name"], labels.owners(one["properties"].get("tags") or {})) for one in listed)
        return [name for name, owners in tagged if any(owner.is_same_resource(other) for other in owners)]

    def remove(self, run_id: str, owner: Owner) -> None:
        """Delete the schedule of a resource, unless it starts another job by now. Raises AzureError."""
        address = self._workspace.schedule(name_of(run_of(run_id), owner))
        found = self._workspace.client.find(address)
        if found and _run_id(found.get("properties") or {}) == run_id:
            self._workspace.client.delete(address)


def name_of(run: str, owner: Owner) -> str:
    """The name of a schedule: the run, and what tells its stack from others in the workspace."""
    return f"{run}-{sha256(owner.urn)[:12]}"


def trigger_of(schedule: schedules.Schedule) -> dict[str, str]:
    """The trigger in Azure ML's form."""
    from tzlocal.windows_tz import tz_win  # Azure ML names time zones as Windows does

    ends = {"endTime": schedule["end_time"]} if "end_time" in schedule else {}
    return {
        "triggerType": "Cron",
        "expression": schedule["expression"],
        "timeZone": tz_win.get(schedule["time_zone"], schedule["time_zone"]),
        "startTime": schedule.get("start_time", LONG_AGO),
        **ends,
    }


def body_of(job: Job, command_job: dict[str, Any]) -> dict[str, Any]:
    """The body of `PUT …/schedules/<name>`, from that of the job."""
    definition: dict[str, Any] = dict(command_job["properties"])
    definition.pop("displayName")  # the service names each job by schedule and time
    definition["tags"] = {**definition["tags"], labels.id_tag(job.id): labels.BY_SCHEDULE}
    definition["properties"] = {**definition["properties"], labels.ATTEMPT: labels.BY_SCHEDULE}
    if CHECKPOINTS in definition["outputs"]:
        # Each of these jobs trains anew, so none may find where another one stopped.
        own = {**definition["outputs"][CHECKPOINTS], "uri": checkpoints_uri(job.id) + "${{name}}/"}
        definition["outputs"] = {**definition["outputs"], CHECKPOINTS: own}
    return {
        "properties": {
            "displayName": job.run,
            "isEnabled": True,
            "trigger": trigger_of(job.spec.schedule),
            "action": {"actionType": "CreateJob", "jobDefinition": definition},
            "tags": {labels.MANAGED: "trainup", **labels.own(job)},
            "properties": {labels.ID: job.id},
        }
    }


def _run_id(inside: dict[str, Any]) -> str:
    return str((inside.get("properties") or {}).get(labels.ID, ""))
