"""Other stacks than the repository's own: other clouds, no cluster, secrets, and what exists already."""

import json

import pytest

from tests.support.attached import FOUND, ML, Place

pytestmark = pytest.mark.engine

PASSWORD, KEY = "planted-5ecret", "planted-key-7f3a=="


def test_a_stack_in_a_sovereign_cloud_has_its_addresses(place: Place) -> None:
    pets = {"storage": place.sample.account, "container": "pets"}
    stack = place.stack(data={"pets": pets})
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


def test_a_serverless_stack_has_no_cluster_and_no_quota_to_ask_for(place: Place) -> None:
    place.azure.quota["standardNCASv3_T4Family"] = 0
    tiny = {"source": "code", "script": "main.py"}
    stack = place.stack(cluster={"serverless": True, "size": "gpu-large"}, runs={"tiny": tiny})
    place.project.script("print('done')\n")
    stack.up()
    assert stack.plan() == {}
    assert place.cloud.names(f"{ML}/computes") == ["gpu-cluster"]  # the one that was there
    output = json.loads(place.project.pulumi("stack", "output", "--json"))
    assert output["platform"]["cluster_id"] == "serverless"
    job = place.cloud.one(f"{ML}/jobs")["properties"]
    assert "computeId" not in job
    assert job["resources"]["instanceType"] == "Standard_NC24ads_A100_v4"
    stack.destroy()


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
    assert f"another-{KEY}" in json.dumps(store["_given"])
    stack.destroy()
    told += [path.read_text() for path in place.cloud.folder.rglob("*.json*") if path.is_file()]
    assert len(told) > 20
    for text in told:
        assert PASSWORD not in text
        assert KEY not in text
