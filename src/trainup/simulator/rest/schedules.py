"""What a schedule of Azure ML starts when its time has come."""

from datetime import UTC, datetime

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rest.arm import version_of
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route


def fire(azure: Azure, schedule_id: str, when: datetime, version: str) -> str:
    """Start the job of a schedule, as the service does at a time of its trigger; the job's name.

    The service names the job itself; the display name is the schedule's with the time.
    https://learn.microsoft.com/azure/machine-learning/how-to-schedule-pipeline-job
    """
    schedule = azure.get(schedule_id)
    workspace, _, own_name = schedule["id"].rpartition("/schedules/")
    if not shape.get(schedule, "properties.isEnabled"):
        raise Refused(409, "Conflict", f"The schedule {own_name!r} is disabled.")
    shown = f"{own_name}-{when:%Y%m%dT%H%M%SZ}"
    name = azure.new_guid(schedule["id"], shown)
    definition = dict(shape.get(schedule, "properties.action.jobDefinition") or {})
    azure.put(f"{workspace}/jobs/{name}", version, {"properties": {**definition, "displayName": shown}})
    return name


def _fire(azure: Azure, request: Request) -> Response:
    """Start the job of a schedule now. Azure itself has no such operation: it waits for the time."""
    return Response(200, {"job": fire(azure, request.resource, datetime.now(UTC), version_of(request))})


ROUTES = (Route("POST", f"{WORKSPACE}/schedules/{{name}}/fire", _fire),)
