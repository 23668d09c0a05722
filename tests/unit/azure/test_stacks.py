"""The whole platform of a stack on Azure, from its settings to what is registered."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.config import set_all_config

from tests.support.contract import Check
from tests.support.recording import GROUP, SUBSCRIPTION, THEIRS, Registered, record
from tests.unit.azure.bodies import sent
from trainup.components.azure.cluster import REPLACED_ON
from trainup.core.roles import Role
from trainup.infra import azure, settings
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.platforms import Platform

REPOSITORY = Path(__file__).parents[3]
PASSWORD = "planted-5ecret"
PERSON = "22222222-2222-2222-2222-222222222222"
ML = f"{GROUP.replace(SUBSCRIPTION, azure.NOBODY)}/providers/Microsoft.MachineLearningServices/workspaces/theirs"
IMAGE = "ghcr.io/team/fastai@sha256:" + "c" * 64
FOUND: dict[str, Any] = {"builder": "prebuilt", "reference": IMAGE}
LOGIN: dict[str, Any] = {"server": "ghcr.io", "username": "team"}


def deploy(
    config: dict[str, Any], secrets: dict[str, str] | None = None, stack: str = "dev"
) -> tuple[list[Registered], Platform]:
    """What a stack of this configuration registers, and its platform; only to be looked at."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return _deployed(json.dumps(texts), json.dumps(secrets or {}), stack)


@cache
def _deployed(texts: str, secrets: str, stack: str) -> tuple[list[Registered], Platform]:
    platforms: list[Platform] = []

    def program() -> None:
        set_all_config({**json.loads(texts), **json.loads(secrets)}, list(json.loads(secrets)))
        wanted = settings.load()
        assert isinstance(wanted, AzureSettings)
        platforms.append(azure.build(wanted))

    try:
        return record(program, stack, root=REPOSITORY), platforms[0]
    finally:
        set_all_config({})


def given(stack: str = "dev", **sections: Any) -> dict[str, Any]:
    """The configuration in a stack's file, with sections in place of its own."""
    config: dict[str, Any] = yaml.safe_load((REPOSITORY / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {**config, **{f"trainup:{key}": value for key, value in sections.items()}}


def of(found: list[Registered], kind: str) -> list[Registered]:
    """The resources of a kind."""
    return [one for one in found if one.type.endswith(f":{kind}")]


SECTIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "with people": {"access": {"users": [PERSON]}},
    "attached": {
        "workspace": {"id": ML},
        "registry": {"id": f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/x"},
    },
    "serverless": {"cluster": {"serverless": True, "size": "gpu-large"}},
    "with an existing image": {"image": FOUND},
    "with packages": {"image": {**FOUND, "user_managed_dependencies": False, "pip": ["fastai==2.8.4"]}},
    "built by docker": {"image": {"builder": "docker", "context": "training"}},
    "with data": {
        "data": {"pets": {"storage": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/pets", "container": "pets"}}
    },
}


@pytest.mark.parametrize(("stack", "case"), [("prod", "as it is"), *(("dev", case) for case in SECTIONS)])
def test_azures_types_have_nothing_against_any_body_of_a_stack(stack: str, case: str, contract: Check) -> None:
    found, _ = deploy(given(stack, **SECTIONS[case]), stack=stack)
    for one in found:
        if one.type.startswith("azure-native:") and not one.is_read:
            kind, version, body, name = sent(one)
            assert contract(kind, version, body, name) == [], one.name


def test_the_right_to_pull_comes_before_the_cluster_and_the_registry_before_the_workspace() -> None:
    found, _ = deploy(given())
    (compute,), (workspace, *_) = of(found, "Compute"), of(found, "machinelearningservices:Workspace")
    assert "nodes-registry" in compute.dependencies
    assert "trainupdevregistry" in workspace.dependencies


def test_dev_may_be_thrown_away_and_prod_may_not() -> None:
    protected = {one.type.split(":", 1)[1] for one in deploy(given("prod"), stack="prod")[0] if one.protect}
    assert protected == {
        "containerregistry:Registry",
        "keyvault:Vault",
        "machinelearningservices:Workspace",
        "resources:ResourceGroup",
        "storage:StorageAccount",
    }
    assert not any(one.protect for one in deploy(given())[0])


KEPT = (True, False, [], [])
PLAIN = (False, False, [], [])
OPTIONS: dict[str, tuple[bool, bool, list[str], list[str]]] = {
    "resources:ResourceGroup": KEPT,
    "storage:StorageAccount": KEPT,
    "containerregistry:Registry": KEPT,
    "keyvault:Vault": (*KEPT[:3], ["properties.softDeleteRetentionInDays", "properties.enablePurgeProtection"]),
    "machinelearningservices:Workspace": (*KEPT[:3], ["managedNetwork"]),
    "machinelearningservices:Compute": (False, True, REPLACED_ON, []),
    "managedidentity:UserAssignedIdentity": (*PLAIN[:3], ["tags"]),
    **dict.fromkeys(
        (
            "applicationinsights:Component",
            "authorization:RoleAssignment",
            "machinelearningservices:DataVersion",
            "machinelearningservices:Datastore",
            "machinelearningservices:EnvironmentVersion",
            "operationalinsights:Workspace",
        ),
        PLAIN,
    ),
}
"""Kind → protect, delete before replace, replaced on, ignored."""


def test_every_resource_has_these_options_and_no_others() -> None:
    found, _ = deploy(given("prod", **SECTIONS["with data"]), stack="prod")
    options = {
        one.type.removeprefix("azure-native:"): (
            one.protect,
            one.delete_before_replace,
            one.replace_on_changes,
            one.ignore_changes,
        )
        for one in found
        if one.type.startswith("azure-native:")
    }
    assert options == OPTIONS


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_an_idle_stack_has_no_node(stack: str) -> None:
    (compute,) = of(deploy(given(stack), stack=stack)[0], "Compute")
    assert compute.plain["properties"]["properties"]["scaleSettings"]["minNodeCount"] == 0


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_stack_holds_no_secret(stack: str) -> None:
    assert not any("<secret>" in repr(one.plain) for one in deploy(given(stack), stack=stack)[0])


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_newcomer_edits_two_places(stack: str) -> None:
    lines = (REPOSITORY / f"Pulumi.{stack}.yaml").read_text().splitlines()
    assert sum(line.strip().startswith(("# 1. ", "# 2. ")) for line in lines) == 2


def test_an_existing_image_makes_no_registry() -> None:
    found, _ = deploy(given(image=FOUND))
    assert not of(found, "Registry")


def test_an_image_that_nodes_may_not_pull_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    deploy(given(image={**FOUND, "reference": IMAGE.replace("ghcr.io", "team.azurecr.io")}))
    assert any("the image lies in team.azurecr.io, and the nodes get the right to pull from a" in text for text in told)


def test_what_is_attached_is_read_and_not_made() -> None:
    found, _ = deploy(given(workspace={"id": ML}))
    (workspace,) = of(found, "machinelearningservices:Workspace")
    assert workspace.is_read
    assert not of(found, "StorageAccount") + of(found, "ResourceGroup")


def test_no_import_for_azure_happens_on_a_local_stack() -> None:
    program = (
        "import sys, trainup.infra.settings, trainup.infra.local, trainup.components.run\n"
        "print([name for name in sys.modules if name.startswith(('pulumi_azure_native', 'pulumi_docker'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What the how-to of 2020 did step by step, declared.


def test_row_1_a_workspace_from_a_config_file_in_the_folder_or_above(tmp_path: Path) -> None:
    text = {"subscription_id": azure.NOBODY, "resource_group": "theirs", "workspace_name": "ws"}
    (tmp_path / "config.json").write_text(json.dumps(text))
    (tmp_path / "project").mkdir()
    found, _ = deploy(given(workspace={"config": str(tmp_path / "project")}))
    (workspace,) = of(found, "machinelearningservices:Workspace")
    assert workspace.inputs["id"].endswith(
        "resourceGroups/theirs/providers/Microsoft.MachineLearningServices/workspaces/ws"
    )


def test_row_2_an_environment_of_a_name() -> None:
    (environment,) = of(deploy(given())[0], "EnvironmentVersion")
    assert environment.plain["name"] == "fastai2"


def test_row_3_a_public_base_image_resolved_to_a_digest() -> None:
    found, _ = deploy(given(image={"builder": "prebuilt", "reference": "fastdotai/fastai2:latest"}))
    (lookup,), (environment,) = of(found, "Image"), of(found, "EnvironmentVersion")
    assert lookup.plain["image"] == "fastdotai/fastai2:latest"
    assert "@sha256:" in environment.plain["properties"]["image"]


def test_row_4_the_python_in_the_image_is_used_as_it_is() -> None:
    (environment,) = of(deploy(given(image=FOUND))[0], "EnvironmentVersion")
    assert environment.plain["properties"] == {**environment.plain["properties"], "image": IMAGE}
    assert "condaFile" not in environment.plain["properties"]


def test_row_5_packages_on_top_of_an_image() -> None:
    image = {**FOUND, "user_managed_dependencies": False, "pip": ["fastai==2.8.4"]}
    (environment,) = of(deploy(given(image=image))[0], "EnvironmentVersion")
    assert "fastai==2.8.4" in environment.plain["properties"]["condaFile"]


def test_row_6_a_private_registry_with_a_user_and_a_secret_password() -> None:
    found, _ = deploy(given(image=FOUND, registry=LOGIN), {"trainup:registry_password": PASSWORD})
    (connection,) = of(found, "WorkspaceConnection")
    assert connection.plain["properties"]["credentials"] == {"username": "team", "password": "<secret>"}
    assert not any(PASSWORD in repr(one.plain) for one in found)


@pytest.mark.parametrize(
    ("image", "field", "value"),
    [
        ({"dockerfile_text": "FROM scratch"}, "dockerfile_text", "FROM scratch"),
        ({"context": "training"}, "dockerfile", "training/Dockerfile"),
    ],
)
def test_row_7_a_dockerfile_as_text_or_from_a_file(image: dict[str, Any], field: str, value: str) -> None:
    (build,) = of(deploy(given(image=image))[0], "Image")
    assert build.plain["builder"] == "acr"
    assert build.plain[field] == value


def test_row_8_a_cluster_of_at_most_four_nodes_or_an_existing_one() -> None:
    (compute,) = of(deploy(given(cluster={}))[0], "Compute")
    assert compute.plain["computeName"] == "gpu-cluster"
    assert compute.plain["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 4
    attached = given(workspace={"id": ML}, cluster={"id": f"{ML}/computes/gpu-cluster"})
    assert not of(deploy(attached)[0], "Compute")


def test_row_14_data_stays_where_it_is() -> None:
    found, _ = deploy(given(**SECTIONS["with data"]))
    (store,), (version,) = of(found, "Datastore"), of(found, "DataVersion")
    assert store.plain["properties"]["credentials"] == {"credentialsType": "None"}
    assert version.plain["properties"]["dataUri"] == "azureml://datastores/pets/paths/"


@pytest.mark.parametrize(
    ("cloud", "endpoint"),
    [
        ({}, "core.windows.net"),
        ({"environment": "china", "location": "chinaeast2"}, "core.chinacloudapi.cn"),
        ({"metadataHost": "cloud.example.com"}, None),
    ],
)
def test_data_are_looked_for_in_the_storage_of_the_stacks_own_cloud(
    cloud: dict[str, str], endpoint: str | None
) -> None:
    config = given(**SECTIONS["with data"]) | {f"azure-native:{key}": value for key, value in cloud.items()}
    (store,) = of(deploy(config)[0], "Datastore")
    assert store.plain["properties"].get("endpoint") == endpoint


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
