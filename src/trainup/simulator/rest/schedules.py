"""The schedules of Azure ML: their list, and what they start when their time has come."""

from datetime import UTC, datetime

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route

VIEWS = {"EnabledOnly": (True,), "DisabledOnly": (False,), "All": (False, True)}
"""`listViewType` → what `isEnabled` is of the schedules in the list."""


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


def _list(azure: Azure, request: Request) -> Response:
    """All schedules; `listViewType` says whether those that are enabled, disabled or both (REST API, Schedules - List).

    What the service shows without it is not documented: those that are enabled, the default of `azure-ai-ml`.
    """
    version_of(request)
    azure.get(request.workspace)
    view = request.query.get("listViewType", "EnabledOnly")
    if (shown := VIEWS.get(view)) is None:
        raise Refused(400, "UserError", f"listViewType {view!r} is none of {', '.join(VIEWS)}.")
    schedules = azure.resources(f"{ML}/schedules", request.workspace)
    return paged(azure, request, [one for one in schedules if bool(shape.get(one, "properties.isEnabled")) in shown])


ROUTES = (
    Route("GET", f"{WORKSPACE}/schedules", _list),
    Route("POST", f"{WORKSPACE}/schedules/{{name}}/fire", _fire),
)
