"""The whole platform of a stack on Azure, from its settings to what is registered."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.support.contract import Check
from tests.support.declared import ML, REPOSITORY, deploy, given, of
from tests.support.recording import GROUP
from tests.support.sweeps import declaration
from tests.unit.azure.bodies import sent
from trainup.components.azure.cluster import REPLACED_ON
from trainup.infra import azure

PASSWORD = "planted-5ecret"
PERSON = "22222222-2222-2222-2222-222222222222"
IMAGE = "ghcr.io/team/fastai@sha256:" + "c" * 64
FOUND: dict[str, Any] = {"builder": "prebuilt", "reference": IMAGE}
LOGIN: dict[str, Any] = {"server": "ghcr.io", "username": "team"}


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


def test_the_costs_of_endpoints_count_every_instance_that_stays_on() -> None:
    endpoints = {
        "one": {"source": "scoring"},
        "large": {"source": "scoring", "instance_type": "Standard_F4s_v2", "instance_count": 3},
        "canary": {"source": "scoring", "instance_count": 2, "traffic": 10},
        "mirror": {"source": "scoring", "mirror_traffic": 5},
    }
    registered, _ = deploy(given(endpoints=endpoints))
    (costs,) = of(registered, "CostEstimate")
    assert costs.plain["endpoints"] == {
        "one": {"size": "Standard_DS3_v2", "instances": 1},
        "large": {"size": "Standard_F4s_v2", "instances": 3},
        "canary": {"size": "Standard_DS3_v2", "instances": 4},
        "mirror": {"size": "Standard_DS3_v2", "instances": 2},
    }


def test_the_quota_is_checked_of_whatever_nodes_runs_get_without_a_cluster() -> None:
    tiny = {"source": "training", "script": "train.py"}
    runs = {"plain": tiny, "large": {**tiny, "size": "gpu-large"}, "wide": {**tiny, "nodes": 3}}
    runs |= {"cheap": {**tiny, "queue_tier": "spot"}}
    limits = {"max_concurrent_trials": 4}
    swept = declaration(search_space={"lr": [0.1, 0.2, 0.3, 0.4, 0.5]}, limits=limits)
    runs |= {"swept": {**tiny, "nodes": 2, "arguments": ["${{search_space.lr}}"], "sweep": swept}}
    registered, _ = deploy(given(cluster={"serverless": True, "size": "gpu-small"}, runs=runs))
    checked = {one.name: one.plain for one in of(registered, "Quota")}
    sizes = {
        name: (inputs["size"], inputs["min_nodes"], inputs["max_nodes"], inputs["spot"])
        for name, inputs in checked.items()
    }
    assert sizes == {
        "cluster-quota": ("Standard_NC4as_T4_v3", 0, 1, False),
        "large-quota": ("Standard_NC24ads_A100_v4", 1, 1, False),
        "wide-quota": ("Standard_NC4as_T4_v3", 3, 3, False),
        "cheap-quota": ("Standard_NC4as_T4_v3", 1, 1, True),
        "swept-quota": ("Standard_NC4as_T4_v3", 2, 8, False),
    }
    (readiness,) = of(registered, "Readiness")
    nodes = {name: demand["nodes"] for name, demand in readiness.plain["demands"].items()}
    assert nodes == {"plain": 1, "large": 1, "wide": 3, "cheap": 1, "swept": 8}


def test_a_cluster_can_be_asked_for_by_its_gpu() -> None:
    registered, _ = deploy(given(cluster={"gpu": "A100", "gpus": 2}))
    (quota,) = of(registered, "Quota")
    assert (quota.plain["gpu"], quota.plain["gpus"]) == ("A100", 2)
    assert "size" not in quota.plain


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
    assert any("the image is in team.azurecr.io, and nodes may pull only from the" in text for text in told)


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
