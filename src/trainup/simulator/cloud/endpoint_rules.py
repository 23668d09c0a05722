"""Rules by which Azure Machine Learning refuses an online endpoint or a deployment.

https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online, how-to-safely-rollout-online-endpoints
"""

from collections.abc import Iterator, Mapping

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.rules import Put, Resource, Rule, needs
from trainup.simulator.cloud.view import View

ENDPOINTS = f"{ML}/onlineEndpoints"
DEPLOYMENTS = f"{ENDPOINTS}/deployments"
MOST_MIRRORED = 50
MOST_INSTANCES = 50
LONGEST_REQUEST = 180


def _bad(message: str) -> Refused:
    return Refused(400, "UserError", message)


def _endpoint(azure: View, put: Put) -> Iterator[Refused]:
    traffic, mirror = put("properties.traffic") or {}, put("properties.mirrorTraffic") or {}
    if traffic and sum(traffic.values()) not in (0, 100):
        yield _bad(f"The traffic adds up to {sum(traffic.values())}: it has to be 0 or 100.")
    if len(mirror) > 1 or any(not 0 <= share <= MOST_MIRRORED for share in mirror.values()):
        yield _bad("Traffic is mirrored to one deployment, and at most 50 percent of it.")
    for name in mirror.keys() & {name for name, share in traffic.items() if share}:
        yield _bad(f"The deployment {name!r} can get live traffic or mirrored traffic, not both.")
    for name in [*traffic, *mirror]:
        deployment = azure.find(f"{put.address.id}/deployments/{name}")
        if deployment is None or shape.get(deployment, "properties.provisioningState") != "Succeeded":
            yield _bad(f"The deployment {name!r} of {put.address.name!r} does not exist, or is not ready for traffic.")
    old = put.existing and shape.get(put.existing, "properties.authMode")
    if old and old != put("properties.authMode"):
        yield _bad("The auth mode of an endpoint cannot be changed.")
    if not put.existing and any(
        other["name"].lower() == put.address.name.lower() and other.get("location") == put("location")
        for other in azure.each(ENDPOINTS)
    ):
        yield Refused(409, "Conflict", f"The name {put.address.name!r} is in use in this region.")


def _deployment(azure: View, put: Put) -> Iterator[Refused]:
    for name in ("environmentId", "model"):
        yield from needs(azure, put(f"properties.{name}"))
    yield from needs(azure, put("properties.codeConfiguration.codeId"))
    if not put("properties.instanceType"):
        yield _bad("A managed deployment needs an instanceType.")
    if not 1 <= int(put("sku.capacity") or 0) <= MOST_INSTANCES:
        yield _bad(f"A deployment has 1 to {MOST_INSTANCES} instances.")


def check_delete(azure: View, deployment: Resource) -> Iterator[Refused]:
    """The refusal of the DELETE of a deployment that gets requests."""
    endpoint = azure.find(deployment["id"].rsplit("/deployments/", 1)[0])
    if endpoint and (shape.get(endpoint, "properties.traffic") or {}).get(deployment["name"]):
        yield _bad(f"The deployment {deployment['name']!r} gets traffic: move that to another one first.")


RULES: Mapping[str, tuple[Rule, ...]] = {ENDPOINTS.lower(): (_endpoint,), DEPLOYMENTS.lower(): (_deployment,)}
"""Lower-case type → its rules."""
