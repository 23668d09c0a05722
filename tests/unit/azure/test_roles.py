"""Who may do what in a whole stack, and where images and environments of stacks that share something go."""

from typing import Any

from tests.support.declared import ML, deploy, given, of
from tests.support.recording import GROUP, THEIRS
from trainup.core.roles import Role

PERSON, PASSWORD = "22222222-2222-2222-2222-222222222222", "planted-5ecret"
FOUND: dict[str, Any] = {"builder": "prebuilt", "reference": "ghcr.io/team/fastai@sha256:" + "c" * 64}
LOGIN: dict[str, Any] = {"server": "ghcr.io", "username": "team"}

VAULT_ROLES = {"4633458b-17de-408a-b874-0445c86b69e6", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"}
"""Key Vault Secrets User, for the nodes, and Key Vault Secrets Officer, for who submits."""


def roles_on_vaults(**run: Any) -> set[str]:
    config = given(access={"users": [PERSON]}, runs={"r": {"command": ["true"], **run}})
    found, _ = deploy(config, {"trainup:TOKEN": PASSWORD} if run else None)
    roles = {one.plain["role"] for one in of(found, "Grant")}
    roles |= {one.plain["roleDefinitionId"].rsplit("/", 1)[-1] for one in of(found, "RoleAssignment")}
    return roles & VAULT_ROLES


def test_secrets_of_runs_give_nodes_and_submitters_their_roles_on_the_vault() -> None:
    assert roles_on_vaults(secrets=["TOKEN"]) == VAULT_ROLES


def test_without_secrets_nobody_may_do_anything_with_the_vault() -> None:
    assert not roles_on_vaults()


def test_data_in_one_account_is_one_role_for_the_nodes() -> None:
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/pets"
    data = {
        "cats": {"storage": account, "container": "cats"},
        "dogs": {"storage": account.upper(), "container": "dogs"},
        "birds": {"storage": account, "container": "birds", "key": "KEY"},
    }
    found, _ = deploy(given(data=data), {"trainup:KEY": PASSWORD})
    names = [one.plain["roleAssignmentName"] for one in of(found, "RoleAssignment")]
    assert len(names) == len(set(names)) == 3  # to write, to pull, and to read the data


def test_data_by_key_is_no_role_for_the_nodes() -> None:
    pets = {"storage": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/pets", "container": "pets", "key": "KEY"}
    found, _ = deploy(given(data={"pets": pets}), {"trainup:KEY": PASSWORD})
    assert len(of(found, "RoleAssignment")) == 2


def test_images_go_to_the_registry_of_an_attached_workspace() -> None:
    found, _ = deploy(given(workspace={"id": ML}))
    (registry,) = of(found, "Registry")
    assert registry.is_read
    assert registry.inputs["id"] == THEIRS
    assert THEIRS in {one.plain["scope"] for one in of(found, "RoleAssignment")}


def test_a_registry_of_its_own_is_made_beside_an_attached_workspace_when_it_is_named() -> None:
    found, _ = deploy(given(workspace={"id": ML}, registry={"name": "images"}))
    (registry,) = of(found, "Registry")
    assert not registry.is_read


def test_a_stack_on_an_existing_cluster_gives_nobody_anything() -> None:
    found, _ = deploy(given(workspace={"id": ML}, cluster={"id": f"{ML}/computes/gpu-cluster"}))
    assert not of(found, "RoleAssignment") + of(found, "Grant") + of(found, "UserAssignedIdentity")


def test_the_nodes_of_an_existing_cluster_get_what_the_stack_adds() -> None:
    pets = {"storage": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/pets", "container": "pets"}
    cluster = {"id": f"{ML}/computes/gpu-cluster"}
    found, _ = deploy(given(workspace={"id": ML}, cluster=cluster, registry={"name": "images"}, data={"pets": pets}))
    grants = {one.plain["role"]: one.plain["principal_id"] for one in of(found, "Grant")}
    assert grants == {Role.ACR_PULL: "the cluster's", Role.BLOB_DATA_READER: "the cluster's"}


def test_packages_on_an_image_from_outside_go_to_a_registry_that_nodes_may_pull_from() -> None:
    image = {**FOUND, "user_managed_dependencies": False, "pip": ["fastai==2.8.4"]}
    found, _ = deploy(given(image=image, registry=LOGIN), {"trainup:registry_password": PASSWORD})
    (registry,) = of(found, "Registry")
    assert "nodes-registry" in {one.name for one in of(found, "RoleAssignment")}
    (workspace, *_) = of(found, "machinelearningservices:Workspace")
    assert registry.name in workspace.dependencies


def test_two_stacks_have_environments_of_their_own() -> None:
    versions = set()
    for stack in ("one", "two"):
        (environment,) = of(deploy(given(image=FOUND), stack=stack)[0], "EnvironmentVersion")
        versions.add(environment.plain["version"])
    assert len(versions) == 2
