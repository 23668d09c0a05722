"""Registries of Azure ML over HTTPS: where they are, and the containers of their assets.

As the official client 1.35.2 asks: `azure/ai/ml/_utils/_registry_utils.py` has the addresses and the version.
"""

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.shared_assets import GROUP, SUBSCRIPTION
from trainup.simulator.rest.routing import GROUP as ANY_GROUP
from trainup.simulator.rest.routing import Request, Response, Route

VERSION = "2021-10-01-dataplanepreview"
REGISTRIES = f"/mferp/managementfrontend{ANY_GROUP}/providers/Microsoft.MachineLearningServices/registries"


def _discovery(azure: Azure, request: Request) -> Response:
    name = request.parts["registry"]
    if not azure.shared.has_registry(name):
        raise Refused(404, "NotFound", f"The registry {name!r} was not found.")
    return Response(
        200,
        {
            "registryName": name,
            "primaryRegion": "eastus",
            "primaryRegionResourceProviderUri": f"{azure.endpoints.api('eastus')}/",
            "subscriptionId": SUBSCRIPTION,
            "resourceGroup": GROUP,
        },
    )


def _container(azure: Azure, request: Request) -> Response:
    parts = request.parts
    if request.query.get("api-version") != VERSION:
        raise Refused(400, "InvalidApiVersionParameter", f"Registries are read with api-version={VERSION}.")
    version = azure.shared.latest(parts["registry"], parts["kind"], parts["name"])
    if version is None:
        raise Refused(404, "NotFound", f"{parts['name']!r} was not found in the registry {parts['registry']!r}.")
    return Response(200, {"id": request.path, "name": parts["name"], "properties": {"latestVersion": version}})


ROUTES = (
    Route("GET", "/registrymanagement/v1.0/registries/{registry}/discovery", _discovery),
    Route("GET", f"{REGISTRIES}/{{registry}}/{{kind:environments|models|data}}/{{name}}", _container),
)
