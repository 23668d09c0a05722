"""What the how-to of 2020 did step by step, declared, deployed by the real engine and looked up in Azure."""

import json
import os
import subprocess
import sys

import pytest

from tests.support import registry as registries
from tests.support.attached import FOUND, ML, Place
from tests.support.inline import DELETED

pytestmark = pytest.mark.engine

PASSWORD = "planted-5ecret"


def test_row_1_a_workspace_from_a_config_file_in_the_folder_or_above(place: Place) -> None:
    stack = place.stack(workspace={"config": "."})
    subscription, group, name = (place.sample.workspace.split("/")[index] for index in (2, 4, 8))
    told = {"subscription_id": subscription, "resource_group": group, "workspace_name": name}
    (place.project.folder / ".azureml").mkdir()
    (place.project.folder / ".azureml" / "config.json").write_text(json.dumps(told))
    stack.up()
    assert place.cloud.names(ML) == [name]
    assert place.environment["image"] == FOUND["reference"]
    stack.destroy()
    assert place.cloud.names(ML) == [name]


def test_row_2_an_environment_of_a_name_and_a_version(place: Place) -> None:
    place.deploy()
    assert place.version["id"].split("/")[-3] == "fastai2"
    assert len(place.version["name"]) == 12


def test_row_3_a_public_base_image_resolved_to_a_digest_once(place: Place) -> None:
    with registries.serve(registries.Registry()) as public:
        digest = public.push("fastdotai/fastai2:latest", "linux/amd64")
        reference = f"{public.address}/fastdotai/fastai2:latest"
        stack = place.deploy(image={"builder": "prebuilt", "reference": reference})
        assert place.environment["image"] == f"{public.address}/fastdotai/fastai2@{digest}"
        public.push("fastdotai/fastai2:latest", "linux/amd64", "linux/arm64")
        assert stack.plan() == {}
        stack.refresh()


def test_row_4_the_python_in_the_image_is_used_as_it_is(place: Place) -> None:
    place.deploy()
    assert place.environment["image"] == FOUND["reference"]
    assert "condaFile" not in place.environment


def test_row_5_packages_on_top_of_an_image(place: Place) -> None:
    packages = {"user_managed_dependencies": False, "pip": ["fastai==2.8.4"]}
    stack = place.deploy(image={**FOUND, **packages})
    assert "fastai==2.8.4" in place.environment["condaFile"]
    place.project.edit(image={**FOUND, **packages, "pip": ["fastai==2.8.5"]})
    assert "image-environment" in stack.plan()


def test_row_6_a_private_registry_with_a_user_and_a_secret_password(place: Place) -> None:
    with registries.serve(registries.Registry("bearer", ("team", PASSWORD))) as private:
        digest = private.push("team/fastai:1", "linux/amd64")
        login = {"server": private.address, "username": "team"}
        image = {"builder": "prebuilt", "reference": f"{private.address}/team/fastai:1"}
        stack = place.stack(image=image, registry=login)
        place.project.pulumi("config", "set", "--secret", "trainup:registry_password", PASSWORD)
        told = stack.up()
        assert place.environment["image"] == f"{private.address}/team/fastai@{digest}"
        (connection,) = place.azure.each(f"{ML}/connections")
        assert connection["_body"]["properties"]["credentials"] == {"username": "team", "password": PASSWORD}
        assert connection["properties"]["target"] == private.address
        stack.refresh()
        assert PASSWORD not in told + place.project.pulumi("stack", "export")
        assert all(PASSWORD not in path.read_text() for path in place.cloud.bodies.iterdir())


@pytest.mark.parametrize("given", ["text", "file"])
def test_row_7_a_dockerfile_as_text_or_from_a_file(place: Place, given: str) -> None:
    dockerfile = f"FROM scratch\nLABEL given={given}\n"
    own = {"dockerfile_text": dockerfile} if given == "text" else {}
    stack = place.stack(image={"context": "image", **own}, registry={"id": place.sample.registry})
    place.image("image", dockerfile if given == "file" else "FROM nothing\n")
    stack.up()
    (image,) = place.azure.images.in_registry(place.sample.registry)
    assert image.dockerfile == dockerfile
    assert place.environment["image"].endswith(image.digest)
    place.project.edit(image={"context": "image", "dockerfile_text": "x", "dockerfile": "image/Dockerfile"})
    assert "`dockerfile` and `dockerfile_text` exclude each other" in stack.refused()


def test_row_8_a_cluster_of_at_most_four_nodes_made_once(place: Place) -> None:
    place.azure.delete(place.sample.cluster)
    stack = place.deploy(cluster={})
    made = place.cloud.one(f"{ML}/computes")
    assert made["name"] == "gpu-cluster"
    assert made["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 4
    assert made["properties"]["properties"]["vmSize"] == "Standard_NC4as_T4_v3"
    stack.destroy()
    assert not place.cloud.names(f"{ML}/computes")


def test_row_8_an_existing_cluster_is_used_and_never_deleted(place: Place) -> None:
    place.deploy().destroy()
    assert place.azure.find(place.sample.cluster)


def test_row_9_the_clusters_status_as_data(place: Place) -> None:
    place.deploy(cluster={"name": "mine", "max_nodes": 2})
    words = [sys.executable, "-m", "trainup.cli", "cluster", "--stack", "test", "--json"]
    done = subprocess.run(
        words, cwd=place.project.folder, env=place.project.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert told["name"] == "mine"
    assert told["allocation_state"] == "Steady"
    assert told["current_nodes"] == 0
    assert told["errors"] == []


def test_row_10_quota_is_told_in_the_preview(place: Place) -> None:
    place.azure.quota["standardNCASv3_T4Family"] = 0
    stack = place.stack(cluster={"name": "mine", "max_nodes": 2})
    said = stack.refused()
    assert "the quota for the family standard NCASv3_T4 Family in westeurope is 0 vCPUs" in said
    assert not [item for item in place.azure.log if "/computes/mine" in item[1]]


def test_row_14_what_must_not_leave_stays_and_data_is_named_not_copied(place: Place) -> None:
    pets = {"storage": place.sample.account, "container": "pets"}
    stack = place.stack(image={"context": "image"}, registry={"id": place.sample.registry}, data={"pets": pets})
    place.image("image", "FROM scratch\nCOPY . /\n")
    folder = place.project.folder / "image"
    (folder / ".dockerignore").write_text("private\n")
    (folder / "private").write_text("a password, say")
    (folder / "key").write_text("-----BEGIN RSA " + "PRIVATE KEY-----\n")
    assert "key:1 looks like a secret (Private Key)" in stack.refused()
    (folder / "key").unlink()
    stack.up()
    (image,) = place.azure.images.in_registry(place.sample.registry)
    assert sorted(os.listdir(image.context)) == [".dockerignore", "Dockerfile"]
    (version,) = place.azure.resources(f"{ML}/data/versions")
    assert version["properties"]["dataUri"] == "azureml://datastores/pets/paths/"
    assert not place.azure.storage.has("pets", "pets")
    place.project.edit(data={})
    assert set(stack.plan().values()) == {DELETED}
