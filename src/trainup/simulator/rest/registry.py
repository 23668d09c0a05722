"""Container registries: image builds, and pulls over the Docker Registry HTTP API v2 with its token endpoints."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from trainup.simulator.cloud import contract, roles
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.builds import MANIFEST, TYPE, Build
from trainup.simulator.cloud.images import Image
from trainup.simulator.cloud.refusal import Refused, not_found
from trainup.simulator.rest.arm import paged, version_of
from trainup.simulator.rest.routing import REGISTRY, Request, Response, Route, Section

VERSIONS = ("2018-09-01", "2019-04-01", "2019-06-01-preview")
"""API versions that support image builds; later versions of registries do not."""
AUDIENCE = "https://containerregistry.azure.net"
"""Audience of tokens that every registry accepts; policies can forbid those for the resource manager."""
SCHEDULE = "Microsoft.ContainerRegistry/registries/scheduleRun"


def _registry(azure: Azure, request: Request) -> str:
    """Id of the registry in the path. Raises Refused with 404 for an API version without builds."""
    version = version_of(request)
    if version not in VERSIONS:
        raise Refused(
            404,
            "InvalidResourceType",
            "The resource type 'runs' could not be found in the namespace 'Microsoft.ContainerRegistry' for api "
            f"version '{version}'. The supported api-versions are '{','.join(VERSIONS)}'.",
        )
    return str(azure.get(REGISTRY.format(**request.parts))["id"])


def _for_build(azure: Azure, request: Request, action: str) -> str:
    """As `_registry`. Raises Refused where the caller is the deployer and may not do this there."""
    registry = _registry(azure, request)
    if azure.tokens.check(request.headers.get("authorization"))["oid"] == azure.deployer:
        azure.may.act(f"Microsoft.ContainerRegistry/registries/{action}/action", registry, azure.deployer)
    return registry


def _upload_address(azure: Azure, request: Request) -> Response:
    _for_build(azure, request, "listBuildSourceUploadUrl")
    correlation = request.headers.get("x-ms-correlation-request-id") or azure.new_guid("no correlation id")
    address, relative = azure.builds.source(correlation)
    return Response(200, {"uploadUrl": address, "relativePath": relative})


def _schedule(azure: Azure, request: Request) -> Response:
    registry, order = _for_build(azure, request, "scheduleRun"), request.json()
    findings = contract.findings(SCHEDULE, version_of(request), order, None)
    if findings:
        raise Refused(400, "InvalidRequestContent", "\n".join(findings))
    if order.get("type") != "DockerBuildRequest":
        raise Refused(400, "NotSupported", f"Only DockerBuildRequest is built here, not {order.get('type')!r}.")
    azure.accepted(SCHEDULE, version_of(request), request.parts["registry"], order)
    build = azure.builds.schedule(registry, order)
    # The answer does not wait for the build, however fast that is.
    return Response(200, _run(replace(build, status="Queued", started=None, finished=None, error=None, images=[])))


def _build(azure: Azure, request: Request) -> Build:
    registry, build_id = _registry(azure, request), request.parts["run"]
    build = azure.builds.find(registry, build_id)
    if build is None:
        raise not_found(f"{TYPE}/{build_id}")
    return build


def _get(azure: Azure, request: Request) -> Response:
    return Response(200, _run(_build(azure, request)))


def _list(azure: Azure, request: Request) -> Response:
    return paged(
        azure, request, [_run(build) for build in reversed(azure.builds.in_registry(_registry(azure, request)))]
    )


def _log(azure: Azure, request: Request) -> Response:
    return Response(200, {"logLink": azure.builds.log_address(_build(azure, request))})


def _cancel(azure: Azure, request: Request) -> Response:
    azure.builds.cancel(_build(azure, request))
    return Response(200)


def _import(azure: Azure, request: Request) -> Response:
    """Copy an image of another registry by its digest (`az acr import`)."""
    version_of(request)
    registry = str(azure.get(REGISTRY.format(**request.parts))["id"])
    order = request.json()
    source = order.get("source") or {}
    theirs = str(azure.get(str(source.get("resourceId")))["id"])
    if azure.tokens.check(request.headers.get("authorization"))["oid"] == azure.deployer:
        azure.may.act("Microsoft.ContainerRegistry/registries/importImage/action", registry, azure.deployer)
        azure.may.act("Microsoft.ContainerRegistry/registries/read", theirs, azure.deployer)
    repository, _, digest = str(source.get("sourceImage") or "").partition("@")
    if not (order.get("targetTags") or order.get("untaggedTargetRepositories")):
        raise Refused(400, "BadRequest", "An import needs targetTags or untaggedTargetRepositories.")
    image = next((one for one in azure.images.in_registry(theirs) if one.digest == digest), None)
    if image is None or image.repository != repository:
        raise Refused(400, "MANIFEST_UNKNOWN", f"The image {repository}@{digest} was not found in {theirs}.")
    for target in order.get("untaggedTargetRepositories") or ():
        azure.images.push(replace(image, registry=registry, repository=str(target), tags=set()))
    for target in order.get("targetTags") or ():
        name, _, tag = str(target).partition(":")
        azure.images.push(replace(image, registry=registry, repository=name, tags={tag or "latest"}))
    place = f"{azure.endpoints.resource_manager}{registry}/operationStatuses/import?api-version={version_of(request)}"
    return Response(202, None, {"Location": place, "Retry-After": "0"})


def _imported(azure: Azure, request: Request) -> Response:
    return Response(200)


def _run(build: Build) -> dict[str, Any]:
    server = build.registry.rsplit("/", 1)[-1].lower() + ".azurecr.io"
    images = [
        {"registry": server, "repository": image.repository, "tag": tag, "digest": image.digest}
        for image in build.images
        for tag in image.tags
    ]
    facts = {
        "runId": build.id,
        "status": build.status,
        "runType": "QuickBuild",
        "createTime": build.created,
        "startTime": build.started,
        "finishTime": build.finished,
        "lastUpdatedTime": build.finished or build.started or build.created,
        "platform": dict(build.order["platform"]),
        "provisioningState": "Succeeded",
        "isArchiveEnabled": False,
        "outputImages": images or None,
        "runErrorMessage": build.error,
    }
    properties = {name: value for name, value in facts.items() if value is not None}
    return {"id": f"{build.registry}/runs/{build.id}", "name": build.id, "type": TYPE, "properties": properties}


# Pulling. Behind one listener all registries share a host, so a token is valid for all of them.


def _exchange(azure: Azure, request: Request) -> Response:
    form = _form(request)
    if form.get("grant_type") != "access_token" or not form.get("service"):
        return _denied("UNSUPPORTED", "grant_type access_token and a service are needed", 400)
    try:
        claims = azure.tokens.check(f"Bearer {form.get('access_token', '')}")
    except Refused:
        return _denied("UNAUTHORIZED", "authentication required, the access token is not valid")
    arm = () if azure.policies.forbids_arm_tokens else (azure.endpoints.resource_manager,)
    if claims["aud"] not in (AUDIENCE, *arm):
        return _denied("UNAUTHORIZED", f"authentication required, the audience {claims['aud']!r} is not accepted")
    token, _ = azure.tokens.issue("registry refresh", claims["oid"], azure.tenant)
    return Response(200, {"refresh_token": token})


def _token(azure: Azure, request: Request) -> Response:
    form = _form(request)
    try:
        claims = azure.tokens.check(f"Bearer {form.get('refresh_token', '')}")
    except Refused:
        return _denied("UNAUTHORIZED", "authentication required, the refresh token is not valid")
    if claims["aud"] != "registry refresh":
        return _denied("UNAUTHORIZED", "authentication required, the refresh token is not valid")
    token, _ = azure.tokens.issue(f"registry {form.get('scope', '')}", claims["oid"], azure.tenant)
    return Response(200, {"access_token": token})


def _no_login(azure: Azure, request: Request) -> Response:
    """Refuse a login by user name: the admin user and anonymous pulls are disabled in these registries."""
    basic = request.headers.get("authorization", "").partition(" ")[2]
    name = base64.b64decode(basic or b"").decode(errors="replace").partition(":")[0]
    return _denied("UNAUTHORIZED", f"authentication required, user {name!r} is unknown or the admin user is disabled")


def _base(azure: Azure, request: Request) -> Response:
    return Response(200, {}) if request.headers.get("authorization") else _challenge(azure, request, "")


def _manifest(azure: Azure, request: Request) -> Response:
    image = _image(azure, request, request.parts["reference"])
    if isinstance(image, Response):
        return image
    headers = {"Content-Type": MANIFEST, "Docker-Content-Digest": image.digest, "Etag": f'"{image.digest}"'}
    return Response(200, image.manifest, headers)


def _blob(azure: Azure, request: Request) -> Response:
    digest = request.parts["digest"]
    image = _image(azure, request, None)
    if isinstance(image, Response):
        return image
    data = next((image.blobs[digest] for image in _images(azure, request) if digest in image.blobs), None)
    if data is None:
        return _denied("BLOB_UNKNOWN", "blob unknown to registry", 404)
    body = Section(data, 0, data.stat().st_size) if isinstance(data, Path) else data
    return Response(200, body, {"Docker-Content-Digest": digest})


def _images(azure: Azure, request: Request) -> list[Image]:
    """The images in the path's repository, in all existing registries."""
    return [
        image
        for registry in azure.each("Microsoft.ContainerRegistry/registries")
        for image in azure.images.in_registry(registry["id"])
        if image.repository == request.parts["repository"]
    ]


def _image(azure: Azure, request: Request, reference: str | None) -> Image | Response:
    """The image with this tag or digest (None for any image), or the response that refuses the request."""
    repository = request.parts["repository"]
    try:
        claims = azure.tokens.check(request.headers.get("authorization"))
    except Refused:
        return _challenge(azure, request, repository)
    if claims["aud"] != f"registry repository:{repository}:pull":
        return _challenge(azure, request, repository)
    images = [image for image in reversed(_images(azure, request)) if image.manifest]
    images = [image for image in images if reference is None or reference == image.digest or reference in image.tags]
    if not images:
        return _denied("MANIFEST_UNKNOWN", f"manifest tagged by {reference!r} is not found", 404)
    if claims["oid"] != azure.deployer and not azure.has_role(claims["oid"], roles.ACR_PULL, images[0].registry):
        return _denied("DENIED", "requested access to the resource is denied", 403)
    return images[0]


def _challenge(azure: Azure, request: Request, repository: str) -> Response:
    service = azure.endpoints.registry_suffix
    realm = f"{azure.endpoints.resource_manager}/oauth2/token"
    scope = f',scope="repository:{repository}:pull"' if repository else ""
    header = f'Bearer realm="{realm}",service="{service}"{scope}'
    return _denied("UNAUTHORIZED", "authentication required", headers={"WWW-Authenticate": header})


def _denied(code: str, message: str, status: int = 401, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, {"errors": [{"code": code, "message": message}]}, headers or {})


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(errors="replace")))


ROUTES = (
    Route("POST", f"{REGISTRY}/listBuildSourceUploadUrl", _upload_address),
    Route("POST", f"{REGISTRY}/scheduleRun", _schedule),
    Route("POST", f"{REGISTRY}/importImage", _import),
    Route("GET", f"{REGISTRY}/operationStatuses/import", _imported),
    Route("GET", f"{REGISTRY}/runs", _list),
    Route("GET", f"{REGISTRY}/runs/{{run}}", _get),
    Route("POST", f"{REGISTRY}/runs/{{run}}/listLogSasUrl", _log),
    Route("POST", f"{REGISTRY}/runs/{{run}}/cancel", _cancel),
    Route("POST", "/oauth2/exchange", _exchange, open=True),
    Route("POST", "/oauth2/token", _token, open=True),
    Route("GET", "/oauth2/token", _no_login, open=True),
    Route("GET", "/v2", _base, open=True),
    *(
        route
        for method in ("GET", "HEAD")
        for route in (
            Route(method, "/v2/{repository:path}/manifests/{reference}", _manifest, open=True),
            Route(method, "/v2/{repository:path}/blobs/{digest}", _blob, open=True),
        )
    ),
)
