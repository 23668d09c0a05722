"""Azure as this login sees it: the service, the subscription, and what a stack needs there.

Azure's client is imported when a check runs: it takes a second.
"""

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainup.cli.doctor import network
from trainup.cli.doctor.finding import Finding, Patient, error, ok, warning
from trainup.core import gpu_choice, quota, readiness, sizes
from trainup.core.azure_ids import CLUSTER, REGISTRY, STORAGE, WORKSPACE, AzureId, parse_id
from trainup.core.rights import allows
from trainup.core.role_needs import Who
from trainup.jobs.target import TargetError

if TYPE_CHECKING:
    from trainup.jobs.azure.http.client import AzureClient

PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
"""The subscription in a stack file that nobody has edited."""
SUBSCRIPTION_VERSION = "2022-12-01"
VERSIONS = {WORKSPACE: "2025-12-01", CLUSTER: "2025-12-01", REGISTRY: "2023-07-01", STORAGE: "2024-01-01"}


def _client(patient: Patient) -> "AzureClient":
    """A client that gives up soon. Raises TargetError."""
    from trainup.jobs.azure.http.connection import connect
    from trainup.jobs.azure.platform.quota import hasty

    return hasty(connect(patient.settings.azure_native.cloud))


def _subscription(patient: Patient) -> str:
    own: str | None = patient.settings.azure_native.subscription_id
    return own or patient.variables.get("ARM_SUBSCRIPTION_ID", "")


def service(patient: Patient) -> Iterator[Finding]:
    """Whether the resource manager answers, and whether its clock and this machine's agree."""
    from trainup.jobs.azure.http.endpoints import METADATA_VERSION, find_endpoints

    try:
        address = find_endpoints(patient.settings.azure_native.cloud, patient.variables).resource_manager
    except (OSError, ValueError) as problem:
        yield error(
            "Azure's addresses", f"they cannot be found: {problem}", "look at the network, or ARM_METADATA_HOSTNAME"
        )
        return
    answered, date = network.answer_of(
        f"{address}/metadata/endpoints?api-version={METADATA_VERSION}", f"Azure's resource manager {address}"
    )
    yield answered
    if date:
        yield network.clock_of(date)


def login(patient: Patient) -> Iterator[Finding]:
    """Whether Azure gives this process a token."""
    tried = "the login to Azure"
    try:
        claims = _claims(_client(patient).token())
    except TargetError as problem:
        yield error(tried, str(problem).partition(". Run `az login`")[0], "az login")
        return
    who = claims.get("upn") or claims.get("unique_name") or claims.get("appid") or claims.get("oid") or "somebody"
    yield ok(tried, f"{who}, object id {claims.get('oid', 'unknown')}")


def _claims(token: str) -> dict[str, Any]:
    """The content of a token; empty where it is none of Entra's."""
    try:
        body = token.split(".")[1]
        return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
    except (IndexError, ValueError):
        return {}


def subscription(patient: Patient) -> Iterator[Finding]:
    """Whether the login sees the subscription, and in which tenant."""
    from trainup.jobs.azure.http.client import AzureError

    own, file = _subscription(patient), f"Pulumi.{patient.stack}.yaml"
    tried = f"the subscription {own}" if own else "the subscription"
    mend = "az account list --output table; then `pulumi config set azure-native:subscriptionId <id>`"
    if not own:
        yield error(tried, f"{file} names none", mend)
        return
    if own == PLACEHOLDER:
        yield error(tried, f"{file} still has the placeholder", mend)
        return
    client = _client(patient)
    try:
        answer = client.get(f"/subscriptions/{own}", version=SUBSCRIPTION_VERSION)
    except AzureError as problem:
        yield error(tried, f"this login does not see it: {problem}", f"az login --tenant <its tenant>; {mend}")
        return
    state, tenant = str(answer.get("state") or "Enabled"), str(answer.get("tenantId") or "")
    if state != "Enabled":
        yield error(tried, f"it is {state}", "ask its owner to enable it")
        return
    yield ok(tried, str(answer.get("displayName") or "there"))
    mine = str(_claims(client.token()).get("tid") or "")
    if tenant and mine and tenant.lower() != mine.lower():
        came = f"it is in {tenant}, and the login's tokens are for {mine}"
        yield error("the subscription's tenant", came, f"export AZURE_TENANT_ID={tenant}; az login --tenant {tenant}")
    elif tenant:
        yield ok("the subscription's tenant", tenant)


def providers(patient: Patient) -> Iterator[Finding]:
    """Whether the resource providers that the stack needs are registered."""
    from trainup.jobs.azure.platform import readiness as azure_readiness

    settings = patient.settings
    is_new = settings.existing_workspace is None
    has_registry = settings.uses_azure_registry and not settings.registry.id and not settings.takes_workspace_registry
    namespaces = readiness.namespaces_of(workspace=is_new, registry=has_registry)
    states = azure_readiness.registrations(_client(patient), _subscription(patient), namespaces)
    tried = "the subscription's resource providers"
    missing = sorted(name for name, state in states.items() if state and state.lower() not in readiness.REGISTERED)
    if not missing:
        yield ok(tried, f"{len(namespaces)} are registered")
    for name in missing:
        mend = f"az provider register --namespace {name} --subscription {_subscription(patient)}"
        yield error(tried, f"{name} is not registered", mend)


def capacity(patient: Patient) -> Iterator[Finding]:
    """Whether the region sells the nodes, and whether the quota covers them."""
    from trainup.jobs.azure.http.client import AzureError
    from trainup.jobs.azure.platform.quota import look

    settings, cluster = patient.settings, patient.settings.cluster
    location = settings.azure_native.location
    tried = f"sizes and quota in {location}"
    if cluster.id:
        yield ok(tried, "not needed: the cluster exists")
        return
    try:
        usages, offers = look(_client(patient), _subscription(patient), location)
    except AzureError as problem:
        if problem.code == "LocationNotFound":
            yield error(tried, f"Azure has no such region: {problem}", "az account list-locations --output table")
        else:
            mend = f"trainup roles --stack {patient.stack}; Reader on the subscription lets it be looked up"
            yield warning(tried, f"they cannot be looked up: {problem}", mend)
        return
    nodes: dict[str, Any] = {"location": location, "spot": cluster.spot, "usages": usages, "sizes": offers}
    nodes |= {
        "min_nodes": cluster.min_nodes,
        "max_nodes": _most_nodes(settings) if cluster.serverless else cluster.max_nodes,
    }
    if cluster.gpu is None:
        size = sizes.find_size(cluster.size)
        verdict, shown = quota.judge(size, **nodes), size.sku
        problems, warnings = verdict.problems, verdict.warnings
    else:
        gpus = gpu_choice.DEFAULT_GPUS if cluster.gpus is None else cluster.gpus
        choice = gpu_choice.choose(cluster.gpu, gpus, **nodes)
        problems, warnings, shown = choice.problems, choice.warnings, choice.size.sku if choice.size else cluster.gpu
    mend = "az vm list-skus shows what a region sells; ask for quota in Azure ML studio under Quota"
    for problem_text in problems:
        yield error(tried, problem_text, mend)
    for warning_text in warnings:
        yield warning(tried, warning_text, mend)
    if not problems and not warnings:
        yield ok(tried, f"enough for {nodes['max_nodes']} of {shown}")


def _most_nodes(settings: Any) -> int:
    """The nodes that the largest run or sweep has at once, where there is no cluster that limits them."""
    return max(((run.nodes or 1) * run.trials_at_once for run in settings.runs.values()), default=1)


def existing(patient: Patient) -> Iterator[Finding]:
    """Whether what the stack attaches to is there."""
    settings = patient.settings
    named = [
        ("trainup:workspace", WORKSPACE, settings.existing_workspace),
        ("trainup:registry.id", REGISTRY, settings.registry.id),
        ("trainup:cluster.id", CLUSTER, settings.cluster.id),
        *((f"trainup:data.{name}.storage", STORAGE, asset.storage) for name, asset in settings.data.items()),
    ]
    client = _client(patient)
    for key, kind, resource_id in named:
        if not resource_id:
            continue
        place = parse_id(resource_id, kind)
        tried = f"what {key} names"
        if client.find(str(place), version=VERSIONS[kind]) is None:
            mend = f"az resource show --ids {place}; correct {key}"
            yield error(tried, f"there is no {place.name} in the resource group {place.resource_group}", mend)
        else:
            yield ok(tried, f"{place.name} is there")
    group = settings.workspace.resource_group
    if group:
        tried = "what trainup:workspace.resource_group names"
        if client.find(f"/subscriptions/{_subscription(patient)}/resourceGroups/{group}", version="2024-03-01") is None:
            mend = f"az group create --name {group} --location {settings.azure_native.location}"
            yield error(tried, f"there is no resource group {group}", mend)
        else:
            yield ok(tried, f"{group} is there")


def names(patient: Patient) -> Iterator[Finding]:
    """Whether the names that the settings give to new resources are free. A stack's own resources are no clash."""
    from trainup.jobs.azure.platform import readiness as azure_readiness

    settings, own = patient.settings, _subscription(patient)
    client, location = _client(patient), settings.azure_native.location
    tried = "names of new resources"
    problems: list[tuple[str, str]] = []
    name, workspace, group = settings.registry.name, settings.workspace.name, settings.workspace.resource_group
    if name and not _is_ours(patient, client, REGISTRY, name):
        problem = azure_readiness.name_problem(client, own, "registry", name, location)
        problems += [(problem, f"az acr check-name --name {name}; change trainup:registry.name")] if problem else []
    if workspace and group and not _is_ours(patient, client, WORKSPACE, workspace):
        place = AzureId(own, group, WORKSPACE, (workspace,))
        problem = azure_readiness.workspace_problem(client, str(place))
        mend = "az ml workspace list --output table; change trainup:workspace.name"
        problems += [(problem, mend)] if problem else []
    for text, mend in problems:
        yield error(tried, text, mend)
    if not problems:
        given = [one for one in (name, workspace) if one]
        yield ok(tried, f"{', '.join(given)} can be used" if given else "all get random endings")


def _is_ours(patient: Patient, client: "AzureClient", kind: str, name: str) -> bool:
    """Whether a resource of this name has the tags of this very stack."""
    address = f"/subscriptions/{_subscription(patient)}/providers/{kind}"
    for item in client.pages(address, version=VERSIONS[kind]):
        if str(item.get("name", "")).lower() == name.lower():
            tags = item.get("tags") or {}
            return tags.get("managed-by") == "trainup" and tags.get("stack") == patient.stack
    return False


def roles(patient: Patient) -> Iterator[Finding]:
    """Whether who is logged in has the roles that deploying takes."""
    from trainup.infra import azure_roles
    from trainup.jobs.azure.http.client import AzureError
    from trainup.jobs.azure.platform.quota import permissions

    settings = patient.settings
    client, root = _client(patient), f"/subscriptions/{_subscription(patient)}"
    mend = f"trainup roles --stack {patient.stack} --az; somebody who may assign roles runs what it prints"
    for need in azure_roles.needed_by(settings):
        if need.who is not Who.DEPLOYER:
            continue
        scope = need.place.id or root
        tried = f"the role {need.role.shown} on {need.place.noun}"
        try:
            if need.place.named_by:
                workspace = need.place.workspace or str(settings.existing_workspace)
                scope = str(client.get(workspace)["properties"].get(need.place.named_by) or workspace)
            granted = permissions(client, scope)
        except AzureError as problem:
            yield warning(tried, f"it cannot be looked up: {problem}", mend)
            continue
        lacking = [action for action in need.actions if granted and not allows(granted, action)]
        if not lacking:
            yield ok(tried, "what it is for is allowed" if granted else "Azure does not tell")
        elif need.is_optional:
            yield warning(tried, f"it lacks, and {need.why} with it", mend)
        else:
            yield error(tried, f"this login may not do {', '.join(lacking)}: {need.why}", mend)


def images(patient: Patient) -> Iterator[Finding]:
    """Whether the registries have the images that the stack's image begins with."""
    from trainup.core.dockerfiles import base_images
    from trainup.core.images import ImageBuilder
    from trainup.core.texts import decode
    from trainup.jobs.azure.registry.lookups import Lookups

    image = patient.settings.image
    if image.builder is ImageBuilder.PREBUILT:
        references = [image.reference]
        if patient.settings.registry.server:
            yield ok(f"the image {image.reference}", "not looked up: its registry takes a login")
            return
    else:
        text = image.dockerfile_text or decode((patient.root / image.dockerfile_path).read_bytes())
        references = [one.reference for one in base_images(text, image.arguments or {})]
    if not references:
        yield ok("the images that the Dockerfile begins with", "none that is in a registry")
    lookups, cloud = Lookups(), patient.settings.azure_native.cloud
    for reference in dict.fromkeys(references):
        tried, answer = f"the image {reference}", lookups.find(reference, cloud)
        if answer.problem:
            yield error(tried, answer.problem, f"docker manifest inspect {reference}; name one that exists")
        elif answer.silence:
            yield warning(tried, f"its registry was not reached: {answer.silence}", "look at the network")
        else:
            yield ok(tried, "is there" if answer.reference else "not looked up: this cloud has no way to its registry")
