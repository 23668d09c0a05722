"""Operations on Azure ML jobs that other resources do not have: filtered lists and cancellation."""

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.ml import listed
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route


def _list(azure: Azure, request: Request) -> Response:
    """List jobs, newest first.

    Filters are `jobType`, `tag` (`key` or `key=value`), `properties` (the same, comma-separated) and `listViewType`.
    """
    version_of(request)
    azure.get(request.workspace)
    jobs = listed(request, azure.resources(f"{ML}/jobs", request.workspace))
    if kind := request.query.get("jobType"):
        jobs = [job for job in jobs if str(shape.get(job, "properties.jobType")).lower() == kind.lower()]
    if tag := request.query.get("tag"):
        jobs = [job for job in jobs if _has(job, "tags", tag)]
    for condition in filter(None, request.query.get("properties", "").split(",")):
        jobs = [job for job in jobs if _has(job, "properties", condition)]
    jobs = [job for job in jobs if not azure.unread.hides(job["id"])]
    jobs.sort(key=lambda job: str(shape.get(job, "systemData.createdAt")), reverse=True)
    return paged(azure, request, jobs)


def _has(job: Resource, where: str, condition: str) -> bool:
    key, separator, value = condition.partition("=")
    entries = shape.get(job, f"properties.{where}") or {}
    return key in entries and (not separator or str(entries[key]) == value)


def _cancel(azure: Azure, request: Request) -> Response:
    version_of(request)
    job = azure.get(request.resource)
    if azure.machines is not None:
        azure.machines.cancel(job["id"])
    return Response(200)


def _evict(azure: Azure, request: Request) -> Response:
    """Take the nodes of a job away. Azure itself has no such operation: `trainup drill` uses it."""
    job = azure.get(request.resource)
    if azure.machines is not None:
        azure.machines.evict(job["id"])
    return Response(200)


ROUTES = (
    Route("GET", f"{WORKSPACE}/jobs", _list),
    Route("POST", f"{WORKSPACE}/jobs/{{name}}/cancel", _cancel),
    Route("POST", f"{WORKSPACE}/jobs/{{name}}/evict", _evict),
)
