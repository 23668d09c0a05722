"""Jobs of Azure ML, beyond what any resource has: lists with filters, and canceling."""

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.ml import listed
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route


def _list(azure: Azure, request: Request) -> Response:
    """Newest first, by `jobType`, `tag` (`key` or `key=value`), `properties` (the same, with commas), and view."""
    version_of(request)
    azure.get(request.workspace)
    found = listed(request, azure.resources(f"{ML}/jobs", request.workspace))
    if kind := request.query.get("jobType"):
        found = [job for job in found if str(shape.get(job, "properties.jobType")).lower() == kind.lower()]
    if tag := request.query.get("tag"):
        found = [job for job in found if _has(job, "tags", tag)]
    for wanted in filter(None, request.query.get("properties", "").split(",")):
        found = [job for job in found if _has(job, "properties", wanted)]
    found.sort(key=lambda job: str(shape.get(job, "systemData.createdAt")), reverse=True)
    return paged(azure, request, found)


def _has(job: Resource, where: str, wanted: str) -> bool:
    key, given, value = wanted.partition("=")
    kept = shape.get(job, f"properties.{where}") or {}
    return key in kept and (not given or str(kept[key]) == value)


def _cancel(azure: Azure, request: Request) -> Response:
    version_of(request)
    job = azure.get(request.resource)
    if azure.machines is not None:
        azure.machines.cancel(job["id"])
    return Response(200)


ROUTES = (
    Route("GET", f"{WORKSPACE}/jobs", _list),
    Route("POST", f"{WORKSPACE}/jobs/{{name}}/cancel", _cancel),
)
