"""What the components on Azure register, and what they must not."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pulumi
import pytest

from tests.support.contract import Check
from tests.support.recording import GROUP, Registered, record
from tests.unit.azure.bodies import sent
from trainup.components.azure.access import Access, NodeAccess
from trainup.components.azure.cluster import REPLACED_ON, GpuCluster
from trainup.components.azure.data import DataAsset
from trainup.components.azure.image import CustomImage
from trainup.components.azure.registry import ContainerRegistry, ExternalRegistry
from trainup.components.azure.workspace import Workspace
from trainup.core.images import ImageBuilder
from trainup.core.roles import PrincipalType, Role

ML = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws"
ACR = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/images"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/pets"
SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/nodes"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
PASSWORD = "planted-5ecret"
PEOPLE = {
    "22222222-2222-2222-2222-222222222222": PrincipalType.USER,
    "22222222-3333-2222-2222-222222222222": PrincipalType.GROUP,
}
BESIDE: dict[str, Any] = {"workspace_name": "ws", "resource_group_name": "group"}
CLUSTER: dict[str, Any] = {**BESIDE, "location": "westeurope", "identity_id": IDENTITY}
REGISTRY: dict[str, Any] = {"location": "westeurope", "resource_group_name": "group"}
USED: dict[str, Any] = {
    "principal_id": "p",
    "storage_id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/own",
    "registry_id": ACR,
    "vault_id": f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv",
    "data_ids": [STORAGE, STORAGE.upper(), f"{STORAGE}2"],
}
DIGEST = "ghcr.io/team/fastai@sha256:" + "c" * 64


def _login() -> dict[str, Any]:
    return {"username": "team", "password": pulumi.Output.secret(PASSWORD)}


WEST = {"location": "westeurope"}
BUILD: dict[str, Any] = {**BESIDE, "registry_id": ACR, "login_server": "i.azurecr.io"}
FOUND: dict[str, Any] = {**BESIDE, "builder": ImageBuilder.PREBUILT}
BIG: dict[str, Any] = {
    "cluster_name": "big",
    "size": "gpu-large",
    "min_nodes": 1,
    "max_nodes": 8,
    "idle_seconds": 900,
    "spot": True,
    "subnet_id": SUBNET,
    "ssh_user": "me",
    "ssh_public_key": "ssh-ed25519 AAAA",
}

CASES: dict[str, tuple[Callable[..., Any], Callable[[], dict[str, Any]]]] = {
    "workspace": (Workspace, lambda: WEST),
    "workspace of a name": (
        Workspace,
        lambda: {**WEST, "workspace_name": "mine", "resource_group_name": "ours", "registry_id": ACR},
    ),
    "workspace to throw away": (Workspace, lambda: {**WEST, "protect": False}),
    "attached workspace": (Workspace, lambda: {**WEST, "workspace_id": ML}),
    "attached workspace with nodes": (Workspace, lambda: {**WEST, "workspace_id": ML, "has_nodes": False}),
    "registry": (ContainerRegistry, lambda: REGISTRY),
    "registry of a name": (ContainerRegistry, lambda: {**REGISTRY, "registry_name": "images", "sku": "Premium"}),
    "attached registry": (ContainerRegistry, lambda: {**REGISTRY, "registry_id": ACR}),
    "external registry": (ExternalRegistry, lambda: {**BESIDE, "server": "ghcr.io", **_login()}),
    "cluster": (GpuCluster, lambda: CLUSTER),
    "cluster with everything": (GpuCluster, lambda: {**CLUSTER, **BIG}),
    "attached cluster": (GpuCluster, lambda: {**CLUSTER, "cluster_id": f"{ML}/computes/shared"}),
    "serverless": (GpuCluster, lambda: {**CLUSTER, "serverless": True}),
    "image built in the registry": (CustomImage, lambda: {**BUILD, "context": "training", "arguments": {"A": "1"}}),
    "image from text": (CustomImage, lambda: {**BUILD, "dockerfile_text": "FROM scratch"}),
    "image built by docker": (
        CustomImage,
        lambda: {**BUILD, "builder": ImageBuilder.DOCKER, "context": "../training"},
    ),
    "image by digest": (CustomImage, lambda: {**FOUND, "reference": DIGEST, "environment_name": "mine"}),
    "image by tag": (CustomImage, lambda: {**FOUND, "reference": "ghcr.io/team/fastai:latest", **_login()}),
    "image with packages": (CustomImage, lambda: {**FOUND, "reference": DIGEST, "conda": "dependencies: [pip]\n"}),
    "data": (
        DataAsset,
        lambda: {**BESIDE, "storage_id": STORAGE, "container": "pets", "data_name": "pets-1"},
    ),
    "data by key": (
        DataAsset,
        lambda: {
            **BESIDE,
            "storage_id": STORAGE,
            "container": "pets",
            "path": "/all/",
            "account_key": pulumi.Output.secret(PASSWORD),
        },
    ),
    "access": (
        Access,
        lambda: {"principals": PEOPLE, "workspace_id": ML, "storage_id": STORAGE, "registry_id": ACR},
    ),
    "node access": (NodeAccess, lambda: {**USED, "identity_id": IDENTITY}),
    "node access of an existing cluster": (NodeAccess, lambda: USED),
}
CHILDREN = {
    "workspace": "Component ResourceGroup StorageAccount UserAssignedIdentity Vault Workspace Workspace",
    "workspace of a name": "Component StorageAccount UserAssignedIdentity Vault Workspace Workspace",
    "attached workspace": "UserAssignedIdentity Workspace",
    "attached workspace with nodes": "Workspace",
    "registry": "Registry",
    "attached registry": "Registry",
    "external registry": "WorkspaceConnection",
    "cluster": "ClusterRemoval Compute Quota",
    "attached cluster": "Quota",
    "serverless": "Quota",
    "image built in the registry": "EnvironmentVersion Image",
    "image built by docker": "EnvironmentVersion Image",
    "image by digest": "EnvironmentVersion",
    "image by tag": "EnvironmentVersion Image",
    "image with packages": "EnvironmentVersion",
    "data": "DataVersion Datastore",
    "data by key": "DataVersion Datastore",
    "access": " ".join(["Grant"] * 8),
    "node access": " ".join(["RoleAssignment"] * 5),
    "node access of an existing cluster": " ".join(["Grant"] * 5),
}


def made(case: str, *names: str, **more: Any) -> list[Registered]:
    """What a case registers, the component first; only to be looked at."""
    return _register(case, names or ("ws",), **more) if more else _registered(case, names or ("ws",))


def _register(case: str, names: tuple[str, ...], **more: Any) -> list[Registered]:
    cls, args = CASES[case]
    return record(lambda: [cls(name, {**args(), **more}) for name in names])


_registered = cache(_register)


def only(found: list[Registered], kind: str) -> Registered:
    """The one resource of the kind."""
    (one,) = [one for one in found if one.type.endswith(f":{kind}")]
    return one


@pytest.mark.parametrize("case", CHILDREN)
def test_a_component_makes_these_and_nothing_else(case: str) -> None:
    assert " ".join(sorted(one.type.rsplit(":", 1)[-1] for one in made(case)[1:])) == CHILDREN[case]


@pytest.mark.parametrize("case", CASES)
def test_azures_types_have_nothing_against_any_body(case: str, contract: Check) -> None:
    for one in made(case):
        if one.type.startswith("azure-native:") and not one.is_read:
            kind, version, body, name = sent(one)
            assert contract(kind, version, body, name) == [], one.name


@pytest.mark.parametrize("case", CASES)
def test_every_child_is_the_components_and_every_output_is_registered(case: str) -> None:
    component, *children = made(case)
    assert component.parent == "pulumi:pulumi:Stack trainup-dev"
    assert {child.parent for child in children} <= {f"{component.type} {component.name}"}
    assert component.outputs.keys() == CASES[case][0].__annotations__.keys()


@pytest.mark.parametrize("case", CASES)
def test_no_planted_secret_is_in_plain_sight(case: str) -> None:
    for one in made(case):
        assert PASSWORD not in repr(one.plain)
        assert PASSWORD not in repr(one.outputs)


@pytest.mark.parametrize("case", CASES)
def test_there_is_a_secret_only_where_a_password_was_given(case: str) -> None:
    with_secret = {"external registry", "image by tag", "data by key"}
    assert any("<secret>" in repr(one.plain) for one in made(case)) == (case in with_secret)


@pytest.mark.parametrize("case", CASES)
def test_two_of_a_kind_coexist(case: str) -> None:
    found = [(one.type, one.name) for one in made(case, "one", "two")]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("case", ["workspace", "registry"])
def test_what_holds_data_is_protected_unless_told_otherwise(case: str) -> None:
    keeps = {"ResourceGroup", "StorageAccount", "Vault", "Registry"}
    for protect in (True, False):
        for one in made(case, protect=protect)[1:]:
            kind = one.type.rsplit(":", 1)[-1]
            holds = kind in keeps or one.type == "azure-native:machinelearningservices:Workspace"
            assert one.protect == (protect and holds), one.name


def test_taking_protection_away_changes_nothing_that_azure_sets_once() -> None:
    vault = only(made("workspace"), "Vault")
    assert vault.plain["properties"]["enablePurgeProtection"] is True
    assert only(made("workspace", protect=False), "Vault").plain["properties"]["softDeleteRetentionInDays"] == 7
    assert vault.ignore_changes == ["properties.softDeleteRetentionInDays", "properties.enablePurgeProtection"]


def test_no_key_opens_the_storage_account_or_the_workspace() -> None:
    found = made("workspace")
    account = only(found, "StorageAccount").plain
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert only(found, "machinelearningservices:Workspace").plain["systemDatastoresAuthMode"] == "Identity"


def test_no_password_can_pull_from_the_registry() -> None:
    registry = only(made("registry"), "Registry").plain
    assert registry["adminUserEnabled"] is False
    assert registry["anonymousPullEnabled"] is False


def test_nothing_new_gets_a_name_that_a_deleted_one_blocks() -> None:
    naming = {"resourceGroupName", "accountName", "vaultName", "workspaceName", "registryName"}
    for one in [*made("workspace"), *made("registry")]:
        given = naming & one.plain.keys() - {"resourceGroupName"}
        assert not given, one.name


def test_roles_are_for_an_identity_that_azure_need_not_look_up() -> None:
    grants = [one.plain for one in made("node access") if one.type.endswith(":RoleAssignment")]
    assert {grant["principalType"] for grant in grants} == {"ServicePrincipal"}
    assert all(re.fullmatch(r"[0-9a-f-]{36}", grant["roleAssignmentName"]) for grant in grants)


@pytest.mark.parametrize("case", ["node access", "node access of an existing cluster"])
def test_nodes_get_one_role_on_each_thing_that_runs_use(case: str) -> None:
    grants = [one.plain for one in made(case)[1:]]
    roles = {grant["scope"]: grant.get("role") or grant["roleDefinitionId"].rpartition("/")[2] for grant in grants}
    assert roles == {
        USED["storage_id"]: Role.BLOB_DATA_CONTRIBUTOR,
        USED["registry_id"]: Role.ACR_PULL,
        USED["vault_id"]: Role.SECRETS_USER,
        STORAGE.lower(): Role.BLOB_DATA_READER,
        f"{STORAGE}2".lower(): Role.BLOB_DATA_READER,
    }
    assert len(grants) == len(roles)


def test_people_get_roles_as_what_they_are() -> None:
    grants = [one.plain for one in made("access") if one.type.endswith(":Grant")]
    assert {grant["principal_id"]: grant["principal_type"] for grant in grants} == PEOPLE


def test_who_takes_the_nodes_identity_waits_for_the_right_to_pull_and_to_write() -> None:
    def program() -> None:
        access = NodeAccess("nodes", {**USED, "identity_id": IDENTITY})  # type: ignore[typeddict-item]
        GpuCluster("cluster", {**CLUSTER, "identity_id": access.identity_id})  # type: ignore[typeddict-item]

    waits_for = only(record(program), "Compute").dependencies
    assert {"nodes-registry", "nodes-storage"} <= set(waits_for)
    assert not {"nodes-vault", "nodes-pets-data"} & set(waits_for)  # else a run's first secret would change the cluster


def test_a_cluster_goes_before_its_successor_comes_and_only_for_what_azure_cannot_change() -> None:
    compute = only(made("cluster"), "Compute")
    assert compute.delete_before_replace
    assert compute.replace_on_changes == REPLACED_ON
    fields = {path.removeprefix("properties.properties.") for path in REPLACED_ON}
    assert "scaleSettings" not in fields
    assert fields >= {"vmSize", "vmPriority", "subnet"}


def test_a_cluster_costs_nothing_while_idle_and_lets_nobody_in() -> None:
    compute = only(made("cluster"), "Compute").plain
    nodes = compute["properties"]["properties"]
    assert compute["computeName"] == "gpu-cluster"
    assert compute["properties"]["disableLocalAuth"] is True
    assert nodes["scaleSettings"] == {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    assert nodes["vmSize"] == "Standard_NC4as_T4_v3"
    assert nodes["vmPriority"] == "Dedicated"
    assert nodes["remoteLoginPortPublicAccess"] == "Disabled"
    assert "userAccountCredentials" not in nodes


def test_a_cluster_is_what_it_was_told_to_be() -> None:
    properties = only(made("cluster with everything"), "Compute").plain["properties"]
    nodes = properties["properties"]
    assert properties["disableLocalAuth"] is False
    assert nodes["vmSize"] == "Standard_NC24ads_A100_v4"
    assert nodes["vmPriority"] == "LowPriority"
    assert nodes["scaleSettings"] == {"minNodeCount": 1, "maxNodeCount": 8, "nodeIdleTimeBeforeScaleDown": "PT15M"}
    assert nodes["subnet"] == {"id": SUBNET}
    assert nodes["remoteLoginPortPublicAccess"] == "Enabled"
    assert nodes["userAccountCredentials"] == {"adminUserName": "me", "adminUserSshPublicKey": "ssh-ed25519 AAAA"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": "Standard_NC6"}, "use Standard_NC4as_T4_v3"),
        ({"min_nodes": 3, "max_nodes": 2}, "min_nodes 3 is more than max_nodes 2"),
        ({"size": "Standard_NC80adis_H100_v5", "spot": True}, "no spot nodes"),
        ({"cluster_id": "/x"}, "is no id of Microsoft.MachineLearningServices/workspaces/computes"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        made("cluster", **given)


def test_a_cluster_of_a_gpu_takes_the_size_that_the_preview_finds() -> None:
    registered = made("cluster", gpu="A100", gpus=2)
    quota = only(registered, "Quota").plain
    assert (quota["gpu"], quota["gpus"]) == ("A100", 2)
    assert "size" not in quota
    with pytest.raises(ValueError, match="`gpu` and `size` exclude each other"):
        made("cluster", gpu="A100", size="gpu-large")
    with pytest.raises(ValueError, match="set `gpu`"):
        made("cluster", gpus=2)


def test_a_machines_own_platform_never_decides_the_images() -> None:
    assert only(made("image built in the registry"), "Image").plain["platform"] == "linux/amd64"
    assert only(made("image built by docker"), "Image").plain["build"]["platform"] == "linux/amd64"


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("image")])
def test_the_environment_holds_the_image_by_digest(case: str) -> None:
    found = made(case)
    environment = only(found, "EnvironmentVersion").plain
    assert "@sha256:" in environment["properties"]["image"]
    assert re.fullmatch(r"[0-9a-f]{12}", environment["version"])
    assert "@sha256:" in found[0].outputs["reference"]


def test_packages_on_top_of_an_image_make_another_environment_and_another_reference() -> None:
    plain, more = made("image with packages", conda=None), made("image with packages")
    assert only(more, "EnvironmentVersion").plain["properties"]["condaFile"] == "dependencies: [pip]\n"
    assert only(plain, "EnvironmentVersion").plain["version"] != only(more, "EnvironmentVersion").plain["version"]
    assert plain[0].outputs["reference"] == DIGEST
    assert more[0].outputs["reference"].startswith("fastai2@sha256:")


def test_data_is_read_by_identity_unless_there_is_a_key() -> None:
    by_identity, by_key = (only(made(case), "Datastore").plain["properties"] for case in ("data", "data by key"))
    assert by_identity["credentials"] == {"credentialsType": "None"}
    assert by_key["credentials"]["secrets"]["key"] == "<secret>"
    assert made("data")[0].outputs["uri"] == "azureml://datastores/pets_1/paths/"
    assert made("data by key", "pets")[0].outputs["uri"] == "azureml://datastores/pets/paths/all/"


@pytest.mark.parametrize(
    ("version", "digest", "name"),
    [
        (None, "efca6d3bf3a2e502c2678f1cad41afbeb98a293caba1e6af7759da6bf151f0f5", "efca6d3bf3a2"),
        ("1", "efca6d3bf3a2e502c2678f1cad41afbeb98a293caba1e6af7759da6bf151f0f5", "1"),
        ("2026", "d55db168b9db6bf1e11d3505af5b179a62bb185cc4b40c22805cae8c0336cf1f", "2026"),
    ],
)
def test_the_digest_of_data_is_the_one_that_runs_were_trained_with(version: str | None, digest: str, name: str) -> None:
    found = made("data by key", "pets", version=version)
    assert found[0].outputs["digest"] == digest
    assert only(found, "DataVersion").plain["version"] == name
