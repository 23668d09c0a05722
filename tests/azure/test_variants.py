"""Other stacks than the repository's own: other clouds, no cluster, secrets, and what exists already."""

import json

import pytest

from tests.support.attached import FOUND, ML, Place
from tests.support.azure import grant_the_least
from trainup.core.roles import Role, submitter_roles
from trainup.simulator.cloud.rights import Granted

pytestmark = pytest.mark.engine

PASSWORD, KEY = "planted-5ecret", "planted-key-7f3a=="


def test_a_stack_in_a_sovereign_cloud_has_its_addresses(place: Place) -> None:
    pets = {"storage": place.sample.account, "container": "pets"}
    stack = place.stack(data={"pets": pets}, cluster={"serverless": True})
    place.project.pulumi("config", "set", "azure-native:environment", "usgovernment")
    place.project.pulumi("config", "set", "azure-native:location", "usgovvirginia")
    stack.up()
    (store,) = [item for item in place.azure.resources(f"{ML}/datastores") if item["name"] == "pets"]
    assert store["properties"]["endpoint"] == "core.usgovcloudapi.net"
    (identity,) = [
        item
        for item in place.azure.resources("Microsoft.ManagedIdentity/userAssignedIdentities")
        if item["name"].startswith("trainup-")
    ]
    assert identity["location"] == "usgovvirginia"
    place.project.pulumi("config", "set", "azure-native:environment", "public")
    assert "'usgovvirginia' is a region of another cloud: set azure-native:environment to usgov" in stack.refused()


@pytest.mark.parametrize("nodes", [{"size": "gpu-large"}, {"gpu": "A100", "gpus": 1}], ids=["by size", "by GPU"])
def test_a_serverless_stack_has_no_cluster_and_asks_for_the_quota_of_its_runs(
    place: Place, nodes: dict[str, object]
) -> None:
    place.azure.quota["standardNCASv3_T4Family"] = 0
    tiny = {"source": "code", "script": "main.py"}
    stack = place.stack(cluster={"serverless": True, **nodes}, runs={"tiny": tiny})
    place.project.script("print('done')\n")
    stack.up()
    assert stack.plan() == {}
    assert place.cloud.names(f"{ML}/computes") == ["gpu-cluster"]  # the one that was there
    output = json.loads(place.project.pulumi("stack", "output", "--json"))
    assert output["platform"]["cluster_id"] == "serverless"
    job = place.cloud.one(f"{ML}/jobs")["properties"]
    assert "computeId" not in job
    assert job["resources"]["instanceType"] == "Standard_NC24ads_A100_v4"
    place.project.edit(cluster={"serverless": True, "size": "gpu-small"})
    assert "the quota for the family standard NCASv3_T4 Family in westeurope is 0 vCPUs" in stack.refused()
    place.project.edit(cluster={"serverless": True, **nodes})
    stack.destroy()


def test_two_stacks_on_one_workspace_take_nothing_from_each_other(place: Place) -> None:
    person = "22222222-2222-2222-2222-222222222222"
    place.azure.principals.add(person)
    shared = {"access": {"users": [person]}, "registry": {"id": place.sample.registry}, "image": {"context": "image"}}
    first = place.stack("first", **shared)
    place.image("image", "FROM scratch\n")
    first.up()
    second = place.stack("second", **shared)
    place.image("image", "FROM scratch\n")
    second.up()
    assert first.plan() == second.plan() == {}
    assert roles_of(place, person) == SUBMITTER
    first.destroy()
    assert place.environment  # the second one's alone
    second.up()  # gives what went with the first one
    assert roles_of(place, person) == SUBMITTER
    second.destroy()
    assert not roles_of(place, person)


SUBMITTER = sorted(role for role, _ in submitter_roles(registry=True, cloud_build=True))


def roles_of(place: Place, principal: str) -> list[str]:
    given = [item["properties"] for item in place.azure.resources("Microsoft.Authorization/roleAssignments")]
    return sorted(one["roleDefinitionId"].rsplit("/", 1)[-1] for one in given if one["principalId"] == principal)


def test_two_data_in_one_storage_account_are_one_role(place: Place) -> None:
    place.azure.delete(place.sample.cluster)
    cats = {"storage": place.sample.account, "container": "cats"}
    dogs = {"storage": place.sample.account.upper(), "container": "dogs"}
    stack = place.deploy(cluster={}, data={"cats": cats, "dogs": dogs})
    nodes = place.cloud.one(f"{ML}/computes")["identity"]["userAssignedIdentities"].popitem()[1]["principalId"]
    assert roles_of(place, nodes) == sorted((Role.BLOB_DATA_CONTRIBUTOR, Role.BLOB_DATA_READER))
    place.project.edit(data={"dogs": dogs})
    assert set(stack.plan()) == {"data-cats-store", "data-cats-version"}


def test_packages_are_installed_where_the_nodes_of_a_new_cluster_may_pull(place: Place) -> None:
    place.azure.delete(place.sample.cluster)
    packages = {"user_managed_dependencies": False, "pip": ["fastai==2.8.4"]}
    place.deploy(cluster={}, image={**FOUND, **packages})
    assert place.cloud.names("Microsoft.ContainerRegistry/registries") == ["teamregistry"]
    nodes = place.cloud.one(f"{ML}/computes")["identity"]["userAssignedIdentities"].popitem()[1]["principalId"]
    assert place.azure.has_role(nodes, Role.ACR_PULL, place.sample.registry)


def test_an_existing_cluster_may_read_what_the_stack_names(place: Place) -> None:
    principal = place.azure.get(place.sample.identity)["properties"]["principalId"]
    before = roles_of(place, principal)
    stack = place.stack(data={"pets": {"storage": place.sample.account, "container": "pets"}})
    least = grant_the_least(place.azure, place.project)
    assert {one.role for one in least} == {
        "AzureML Data Scientist",
        "Role Based Access Control Administrator",
        "Reader",
    }
    place.azure.may.granted = [one for one in least if not one.role.startswith("Role Based")]
    place.azure.may.granted.append(Granted("Reader", place.sample.account))  # so that it may look whether it is there
    refused = " ".join(stack.failed().split())
    assert "Assigning roles requires the role Owner, Role Based Access Control Administrator" in refused
    place.azure.may.granted = least
    stack.up()
    assert stack.plan() == {}
    assert roles_of(place, principal) == sorted([*before, Role.BLOB_DATA_READER])
    stack.destroy()
    assert roles_of(place, principal) == before


def test_a_workspace_without_a_registry_is_told_before_anything_is_made(place: Place) -> None:
    place.azure.amend(place.sample.workspace, {"properties.containerRegistry": None})
    stack = place.stack(image={"context": "image"})
    place.image("image", "FROM scratch\n")
    said = stack.refused()
    assert (
        "which has none yet: give it one (`az ml workspace update --container-registry …`), or set trainup:re" in said
    )
    assert "Traceback" not in said


def test_an_existing_cluster_without_an_identity_is_told_before_anything_is_made(place: Place) -> None:
    place.azure.amend(place.sample.cluster, {"identity": None})
    stack = place.stack(data={"pets": {"storage": place.sample.account, "container": "pets"}})
    said = stack.refused()
    assert "the nodes of the existing cluster 'gpu-cluster' have no identities, and it takes just one" in said
    assert "Traceback" not in said


def test_what_exists_is_left_as_it_was(place: Place) -> None:
    before = {item["id"]: item for item in place.azure.resources()}
    stack = place.deploy(registry={"id": place.sample.registry}, image={**FOUND, "environment": "mine"})
    assert {item["id"] for item in place.azure.resources()} > before.keys()
    stack.refresh()
    stack.destroy()
    after = {item["id"]: item for item in place.azure.resources()}
    assert {key: after.get(key) for key in before} == before


def test_no_planted_secret_is_in_state_or_output_of_a_whole_cycle(place: Place) -> None:
    pets = {"storage": place.sample.account, "container": "pets", "key": "petsKey"}
    registry = {"server": "registry.example.org", "username": "team"}
    image = {"builder": "prebuilt", "reference": "registry.example.org/team/fastai@sha256:" + "d" * 64}
    stack = place.stack(data={"pets": pets}, registry=registry, image=image)
    for name, value in (("registry_password", PASSWORD), ("petsKey", KEY)):
        place.project.pulumi("config", "set", "--secret", f"trainup:{name}", value)
    told = [place.project.preview().text, stack.up(), place.project.preview().text]
    told += [place.project.pulumi("stack", "export"), place.project.pulumi("stack", "output", "--json")]
    place.project.pulumi("config", "set", "--secret", "trainup:petsKey", f"another-{KEY}")
    told += [place.project.preview().text, stack.up(), place.project.pulumi("stack", "export")]
    (store,) = [item for item in place.azure.each(f"{ML}/datastores") if item["name"] == "pets"]
    assert f"another-{KEY}" in json.dumps(store["_body"])
    stack.destroy()
    told += [path.read_text() for path in place.cloud.folder.rglob("*.json*") if path.is_file()]
    assert len(told) > 20
    for text in told:
        assert PASSWORD not in text
        assert KEY not in text
