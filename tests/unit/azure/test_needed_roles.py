"""The roles that `trainup roles` lists are those that the graph assigns, and those that creating it takes: no more."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.declared import ML, deploy, given, of
from tests.support.recording import GROUP, SUBSCRIPTION, THEIRS, Registered
from trainup.core.role_needs import Need, Who
from trainup.core.roles import Role
from trainup.infra import azure_roles, settings
from trainup.infra.azure import NOBODY
from trainup.infra.stack_config import StackConfig
from trainup.simulator.cloud.address import parse
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.rights import Granted
from trainup.simulator.cloud.tenancy import Deployer
from trainup.simulator.plugins import bodies
from trainup.simulator.plugins.catalog import KINDS

PERSON = "22222222-2222-2222-2222-222222222222"
HERE = ML[: ML.index("/providers")]
ACCOUNT = f"{HERE}/providers/Microsoft.Storage/storageAccounts/theirdata"
PETS = f"{HERE.replace('/group', '/elsewhere')}/providers/Microsoft.Storage/storageAccounts/pets"
REGISTRY = THEIRS.replace(SUBSCRIPTION, NOBODY)
SUBNET = f"{HERE}/providers/Microsoft.Network/virtualNetworks/net/subnets/nodes"
FOUND = {"builder": "prebuilt", "reference": "ghcr.io/team/fastai@sha256:" + "c" * 64}
DEV = f"/subscriptions/{PERSON}/resourceGroups/dev/providers/Microsoft.MachineLearningServices/workspaces/dev"
THEIRS_OF_DEV = {
    "storageAccount": f"{DEV[: DEV.index('/providers')]}/providers/Microsoft.Storage/storageAccounts/dev",
    "containerRegistry": f"{DEV[: DEV.index('/providers')]}/providers/Microsoft.ContainerRegistry/registries/dev",
}
CLUSTER = f"{ML}/computes/shared"

STACKS: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "people who submit": {"access": {"users": [PERSON]}},
    "in a group that exists": {"workspace": {"resource_group": "group"}},
    "built by docker": {"image": {"builder": "docker", "context": "training"}, "access": {"users": [PERSON]}},
    "prebuilt": {"image": FOUND, "access": {"groups": [PERSON]}},
    "a registry that exists": {"registry": {"id": REGISTRY}, "access": {"users": [PERSON]}},
    "pushed to a registry that exists": {
        "registry": {"id": REGISTRY},
        "image": {"builder": "docker", "context": "training"},
        "workspace": {"id": ML},
    },
    "pulled from a registry that exists": {"registry": {"id": REGISTRY}, "image": FOUND, "workspace": {"id": ML}},
    "secrets": {"runs": {"r": {"command": ["true"], "secrets": ["TOKEN"]}}, "access": {"users": [PERSON]}},
    "data elsewhere": {"data": {"pets": {"storage": PETS, "container": "pets"}}},
    "data by key": {"data": {"pets": {"storage": PETS, "container": "pets", "key": "TOKEN"}}},
    "a workspace that exists": {"workspace": {"id": ML}, "access": {"users": [PERSON]}},
    "a registry beside it": {"workspace": {"id": ML}, "registry": {"name": "images"}},
    "a cluster that exists": {"workspace": {"id": ML}, "cluster": {"id": CLUSTER}, "image": FOUND},
    "data for a cluster that exists": {
        "workspace": {"id": ML},
        "cluster": {"id": CLUSTER},
        "image": FOUND,
        "data": {"pets": {"storage": PETS, "container": "pets"}},
    },
    "serverless": {"cluster": {"serverless": True}},
    "a promoted model": {"models": {"digits": {"promoted": f"{DEV}/models/digits/versions/1"}}},
    "a promoted model in what exists": {
        "workspace": {"id": ML},
        "models": {"digits": {"promoted": f"{DEV}/models/digits/versions/1"}},
    },
    "a promoted model with an image from elsewhere": {
        "registry": {"id": REGISTRY},
        "image": FOUND,
        "workspace": {"id": ML},
        "models": {"digits": {"promoted": f"{DEV}/models/digits/versions/1"}},
    },
    "an endpoint": {"endpoints": {"digits": {"source": "scoring"}}},
    "an endpoint in what exists": {
        "workspace": {"id": ML},
        "cluster": {"id": CLUSTER},
        "registry": {"id": REGISTRY},
        "image": FOUND,
        "endpoints": {"digits": {"source": "scoring"}},
    },
    "nodes in a network": {"workspace": {"id": ML}, "cluster": {"subnet": SUBNET}, "image": FOUND},
}


QUICK = (
    "as shipped",
    "a workspace that exists",
    "data for a cluster that exists",
    "a promoted model with an image from elsewhere",
    "an endpoint in what exists",
)
EACH = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in STACKS]


def declared(name: str) -> tuple[list[Registered], list[Need]]:
    """What a stack registers, and the roles that its settings say it needs."""
    config = given(**STACKS[name])
    secrets = {"trainup:TOKEN": "planted-5ecret"} if "TOKEN" in str(config) else {}
    registered, _ = deploy(config, secrets)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    made = StackConfig({**texts, **secrets}, "trainup", "dev", Path(), frozenset(secrets))
    return registered, azure_roles.needed_by(settings.load(made))


@pytest.mark.parametrize("name", EACH)
def test_the_list_has_the_roles_that_the_graph_assigns(name: str) -> None:
    registered, needs = declared(name)
    assigned = [(one.plain["role"], one.plain["scope"]) for one in of(registered, "Grant")]
    assigned += [
        (one.plain["roleDefinitionId"].rsplit("/", 1)[-1], one.plain["scope"])
        for one in of(registered, "RoleAssignment")
    ]
    listed = [need for need in needs if need.by_up and need.who is not Who.ENDPOINTS]
    assert Counter(role for role, _ in assigned) == Counter(str(need.role) for need in listed)
    known = {(str(need.role), need.place.id.lower()) for need in listed if need.place.id}
    assert known <= {(role, scope.lower()) for role, scope in assigned}
    names = {one.name for one in registered}
    assert {resource for need in listed for resource in need.resources} <= names


@pytest.mark.parametrize("name", EACH)
def test_the_deployer_can_create_the_graph_with_these_roles_and_not_with_one_fewer(name: str) -> None:
    registered, needs = declared(name)
    granted = {need: _granted(need) for need in needs if need.who is Who.DEPLOYER and not need.is_optional}
    checks = _checks(registered)
    if "models" in STACKS[name]:
        checks += _promotion(registered)
    if "endpoints" in STACKS[name]:
        checks += [_assign(ACCOUNT, Role.BLOB_DATA_READER), _assign(_registry_of(registered), Role.ACR_PULL)]
    assert [text for check in checks if (text := _refusal(check, list(granted.values())))] == []
    for need in granted:
        fewer = [one for other, one in granted.items() if other != need]
        assert any(_refusal(check, fewer) for check in checks), f"nothing needs {need}"


@pytest.mark.parametrize("name", EACH)
def test_each_role_allows_the_actions_that_the_list_names_for_it(name: str) -> None:
    _, needs = declared(name)
    for need in needs:
        if need.who is Who.DEPLOYER:
            assert all(_granted(need).allows(action, _granted(need).scope) for action in need.actions), need


def test_the_roles_that_only_up_can_assign_are_told() -> None:
    needs = {name: declared(name)[1] for name in ("as shipped", "data for a cluster that exists")}
    assert not any(need.may_exist for need in needs["as shipped"] if need.by_up)
    assert all(need.may_exist for need in needs["data for a cluster that exists"] if need.by_up)


Check = Callable[[Deployer], None]


def _checks(registered: list[Registered]) -> list[Check]:
    """What the engine and the plugin ask of Azure for a graph."""
    checks: list[Check] = []
    for one in registered:
        kind = KINDS.get(one.type.removeprefix("azure-native:"))
        if one.name == "image-build" and one.type == "trainup:index:Image":
            registry = "Microsoft.ContainerRegistry/registries"
            where = _real(str(one.plain["registry_id"]), registry)
            for action in ("listBuildSourceUploadUrl", "scheduleRun"):
                checks.append(_act(f"{registry}/{action}/action", where))
        elif one.type == "docker:index/image:Image":
            (where,) = [_real(str(item.outputs["registry_id"]), "") for item in of(registered, "ContainerRegistry")]
            checks.append(_act("Microsoft.ContainerRegistry/registries/push/write", where))
        elif one.type == "trainup:index:Grant":
            checks.append(_assign(str(one.plain["scope"]), str(one.plain["role"])))
        elif one.type == "azure-native:authorization:RoleAssignment":
            checks.append(_assign(str(one.plain["scope"]), str(one.plain["roleDefinitionId"])))
        elif kind is None:
            continue
        elif one.is_read:
            checks.append(_check("GET", _real(str(one.inputs["id"]), kind.type), {}))
            if kind.type.endswith("/workspaces"):
                checks.append(_check("GET", ACCOUNT, {}))
        else:
            inputs = {**one.plain, kind.named: one.plain.get(kind.named) or one.name}
            path = kind.path.format(**{name: str(inputs[name]).strip("/") for name in kind.placed})
            body = bodies.request(kind, inputs, creating=True)
            identities = (body.get("identity") or {}).get("userAssignedIdentities") or []
            if identities:
                ids = [_real(str(text), "Microsoft.ManagedIdentity/userAssignedIdentities") for text in identities]
                body["identity"]["userAssignedIdentities"] = {key: {} for key in ids}
            checks.append(_check("PUT", f"/subscriptions/{NOBODY}/{path}", body))
    return checks


def _registry_of(registered: list[Registered]) -> str:
    """The stack's own registry."""
    (own,) = [_real(str(one.outputs["registry_id"]), "") for one in of(registered, "ContainerRegistry")]
    return own


def _promotion(registered: list[Registered]) -> list[Check]:
    """What the plugin asks of Azure for a model of another workspace."""
    storage, registry = THEIRS_OF_DEV["storageAccount"], THEIRS_OF_DEV["containerRegistry"]
    own = _registry_of(registered)
    return [
        _check("GET", f"{DEV}/models/digits/versions/1", {}),
        _check("GET", storage, {}),
        _check("GET", registry, {}),
        _act("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read", storage),
        _act("Microsoft.ContainerRegistry/registries/importImage/action", own),
    ]


def _check(method: str, resource_id: str, body: dict[str, Any]) -> Check:
    return lambda deployer: deployer.check(method, parse(resource_id), "me", body)


def _act(action: str, scope: str) -> Check:
    return lambda deployer: deployer.act(action, scope, "me")


def _assign(scope: str, role: str) -> Check:
    where = f"{_real(scope, '')}/providers/Microsoft.Authorization/roleAssignments/one"
    return _check("PUT", where, {"properties": {"roleDefinitionId": role}})


def _real(resource_id: str, kind: str) -> str:
    """The id of a mock as Azure would have it: the group of the stack, in the subscription of its file."""
    text = resource_id.replace(SUBSCRIPTION, NOBODY)
    return ACCOUNT if text == f"{HERE}/storage" else text


def _granted(need: Need) -> Granted:
    if need.place.workspace == DEV:
        return Granted(need.role.shown, THEIRS_OF_DEV[need.place.named_by])
    scope = need.place.id or {"containerRegistry": REGISTRY, "storageAccount": ACCOUNT, "keyVault": f"{HERE}/v"}.get(
        need.place.named_by, f"/subscriptions/{NOBODY}"
    )
    return Granted(need.role.shown, scope, frozenset(need.assigns))


def _refusal(check: Check, granted: list[Granted]) -> str:
    try:
        check(Deployer(granted=granted))
    except Refused as refused:
        return str(refused)
    return ""


def test_every_role_has_the_name_that_azure_shows() -> None:
    assert all(role.shown for role in Role)
    assert GROUP.replace(SUBSCRIPTION, NOBODY) == HERE
