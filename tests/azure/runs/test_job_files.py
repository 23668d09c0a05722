"""Job files as people have them, through the plugin: what a label stands for, data of this machine, Conda packages."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.azure.runs.conftest import World
from tests.support.plugin import Plugin, urn
from tests.support.registry import Registry, serve
from trainup.core.values import UNKNOWN
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused

RUN = urn("Run", "pets")
SHARED = "azureml://registries/azureml/environments/sklearn/labels/latest"
BLOBS = "azureml://datastores/workspaceblobstore/paths"


def given(world: World, **content: Any) -> dict[str, Any]:
    """The inputs of a run whose job file has this content."""
    (world.project / "job.yml").write_text(yaml.safe_dump({"command": "true", **content}))
    workspace = world.sample.workspace
    environment = f"{workspace}/environments/stack/versions/1"
    inputs = {"run": "pets", "target": "azure", "workspace": workspace, "cluster": world.sample.cluster}
    return {**inputs, "image": "stack:1", "environment": environment, "job": "job.yml"}


def version(world: World, kind: str, name: str, number: int) -> None:
    """Register a version of an environment or of data."""
    properties = {"image": "mcr.microsoft.com/azureml/minimal:1"}
    if kind == "data":
        properties = {"dataType": "uri_folder", "dataUri": f"{BLOBS}/{name}/{number}/"}
    asset = f"{world.sample.workspace}/{kind}/{name}/versions/{number}"
    world.azure.put(asset, "2025-12-01", {"properties": properties})


def checked(engine: Plugin, inputs: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    found, failures = engine.check(RUN, inputs, before)
    assert failures == {}
    return found


def job_of(world: World, name: str) -> dict[str, Any]:
    """The properties of the job with this name, as they were asked for."""
    return dict((world.azure.find(f"{world.sample.workspace}/jobs/{name}") or {})["_body"]["properties"])


def test_a_label_is_resolved_once_and_a_newer_version_trains_nothing(world: World, engine: Plugin) -> None:
    version(world, "environments", "own", 3)
    version(world, "data", "pets", 5)
    content = {"environment": "azureml:own@latest", "inputs": {"pets": {"path": "azureml:pets/labels/latest"}}}
    inputs = {**given(world, **content), "wait": False}
    first = checked(engine, inputs)
    assert first["definition"]["image"] == "azureml:own:3"
    assert first["definition"]["inputs"]["pets"]["digest"] == "azureml:pets:5"
    version(world, "environments", "own", 4)
    version(world, "data", "pets", 6)
    assert checked(engine, inputs, first) == first
    again = checked(engine, {**inputs, "rerun": "with what is newest"}, first)
    assert (again["definition"]["image"], again["resolved"]["azureml:pets/labels/latest"]) == (
        "azureml:own:4",
        "azureml:pets:6",
    )
    assert again["digest"] != first["digest"]
    job = job_of(world, engine.create(RUN, first).id)
    assert job["environmentId"] == f"{world.sample.workspace}/environments/own/versions/3"
    assert job["inputs"]["pets"]["uri"] == f"{world.sample.workspace}/data/pets/versions/5"


def test_a_label_of_a_registry_is_resolved_where_that_lies(world: World, engine: Plugin) -> None:
    address = world.azure.shared.share("azureml", "environments", "sklearn", "12", image="mcr.microsoft.com/x:1")
    first = checked(engine, given(world, environment=SHARED))
    assert first["resolved"] == {SHARED: address}
    assert job_of(world, engine.create(RUN, first).id)["environmentId"] == address


def test_a_curated_environment_is_found_in_every_workspace(world: World, engine: Plugin) -> None:
    first = checked(engine, given(world, environment="azureml:AzureML-sklearn-1.5@latest"))
    assert first["definition"]["image"] == "azureml:AzureML-sklearn-1.5:1"
    assert engine.create(RUN, first).outputs["status"] == "Completed"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (
            "azureml:onw@latest",
            "azureml:onw@latest was given, and the workspace team has no such environment: did you mean own?",
        ),
        ("azureml://registries/azureml/environments/no/labels/latest", "the registry azureml has no such environment"),
        ("azureml://registries/none/environments/a/labels/latest", "there is no registry none of Azure ML"),
    ],
)
def test_a_label_of_nothing_is_told_in_the_preview(world: World, engine: Plugin, environment: str, says: str) -> None:
    version(world, "environments", "own", 1)
    world.azure.shared.share("azureml", "environments", "sklearn", "12", image="x")
    _, failures = engine.check(RUN, given(world, environment=environment))
    assert says in failures["job"]


def test_before_the_workspace_exists_a_label_is_unknown_and_nobody_is_asked(world: World, engine: Plugin) -> None:
    inputs = {**given(world, environment="azureml:own@latest"), "workspace": UNKNOWN, "cluster": UNKNOWN}
    found = checked(engine, inputs)
    assert (found["definition"]["image"], found["digest"]) == (UNKNOWN, UNKNOWN)


def test_an_azure_that_cannot_be_asked_for_a_label_is_told(world: World, engine: Plugin) -> None:
    refused = Refused(403, "AuthorizationFailed", "no read here")
    world.azure.faults.add(Fault("GET", path="*/environments/own", error=refused))
    _, failures = engine.check(RUN, given(world, environment="azureml:own@latest"))
    assert "no read here" in failures["job"]


def test_data_of_this_machine_is_uploaded_once_for_equal_content(world: World, engine: Plugin) -> None:
    for folder in ("one", "two"):
        (world.project / folder).mkdir()
        (world.project / folder / "a.txt").write_text("cats")
        (world.project / folder / "empty.txt").touch()
    script = "cat ${{inputs.pets}}/a.txt ${{inputs.file}} > ./outputs/all.txt && test -e ${{inputs.pets}}/empty.txt"
    for folder in ("one", "two"):
        inputs = {"pets": {"path": folder}, "file": {"type": "uri_file", "path": f"./{folder}/a.txt"}}
        found = checked(engine, given(world, command=script, inputs=inputs, environment="azureml:fastai2:1"))
        state = engine.create(RUN, found)
        assert state.outputs["status"] == "Completed"
    uploads = [line for line in world.azure.log if "/data/trainup-uri-" in line[1]]
    assert len(uploads) == 2, "a folder and a file, each registered once"
    assert [name.rpartition("/")[2] for name in engine_uploads(world)] == ["a.txt", "a.txt", "empty.txt"]


def engine_uploads(world: World) -> list[str]:
    """The blobs below the folder of uploaded data."""
    store = world.azure.find(f"{world.sample.workspace}/datastores/workspaceblobstore") or {}
    blobs = world.azure.storage.list("teamstorage", store["properties"]["containerName"], "trainup/data/")
    return sorted((name for name, _ in blobs), key=lambda name: name.rpartition("/")[2])


def test_other_content_of_local_data_makes_another_run(world: World, engine: Plugin) -> None:
    (world.project / "data").mkdir()
    (world.project / "data" / "a.txt").write_text("cats")
    inputs = given(world, inputs={"pets": {"path": "data"}})
    first = checked(engine, inputs)
    (world.project / "data" / "a.txt").write_text("dogs")
    assert checked(engine, inputs, first)["digest"] != first["digest"]


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"path": "none"}, "inputs.pets.path: there is no file or folder"),
        ({"path": "job.yml"}, "inputs.pets.type: uri_folder was given, and job.yml is a file: give `type: uri_file`"),
        ({"type": "uri_file", "path": "."}, "inputs.pets.type: uri_file was given, and . is a folder"),
    ],
)
def test_local_data_that_cannot_be_is_told_in_the_preview(
    world: World, engine: Plugin, item: dict[str, str], says: str
) -> None:
    _, failures = engine.check(RUN, given(world, inputs={"pets": item}))
    assert says in failures["job"]


def test_conda_packages_are_installed_by_azure_and_part_of_what_the_run_is(world: World, engine: Plugin) -> None:
    packages = {"dependencies": ["python=3.11"]}
    environment = {"image": "mcr.microsoft.com/azureml/minimal:1", "conda_file": packages}
    first = checked(engine, given(world, environment=environment))
    job = job_of(world, engine.create(RUN, first).id)
    made = (world.azure.find(job["environmentId"]) or {})["_body"]["properties"]
    assert yaml.safe_load(made["condaFile"]) == packages
    more = {**environment, "conda_file": {"dependencies": ["python=3.11", "numpy"]}}
    assert checked(engine, given(world, environment=more))["digest"] != first["digest"]


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry on this machine with an image for Azure's nodes and one for others."""
    with serve(Registry()) as served:
        served.push("team/base:1", "linux/amd64")
        served.push("team/base:2", "linux/amd64", "linux/arm64")
        served.push("team/arm:1", "linux/arm64")
        yield served


def test_a_tag_of_an_image_is_resolved_once(world: World, engine: Plugin, registry: Registry) -> None:
    inputs = given(world, environment={"image": f"{registry.address}/team/base:1"})
    first = checked(engine, inputs)
    assert first["definition"]["image"].startswith(f"{registry.address}/team/base@sha256:")
    asked = len(registry.seen)
    assert checked(engine, inputs, first) == first
    assert len(registry.seen) == asked, "what is deployed is not asked for again"


def test_a_tag_that_was_deployed_as_it_is_stays_as_it_is(world: World, engine: Plugin, registry: Registry) -> None:
    inputs = given(world, environment={"image": f"{registry.address}/team/base:1"})
    before = {**inputs, "definition": {"shell_command": "true", "image": f"{registry.address}/team/base:1"}}
    assert checked(engine, inputs, before)["definition"]["image"] == f"{registry.address}/team/base:1"
    assert registry.seen == []


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("team/base:3", "has no image 'team/base' with '3'; it has 2, 1"),
        ("team/arm:1", "runs on linux/arm64 and not on linux/amd64"),
    ],
)
def test_an_image_that_is_not_there_stops_the_preview(
    world: World, engine: Plugin, registry: Registry, image: str, says: str
) -> None:
    _, failures = engine.check(RUN, given(world, environment={"image": f"{registry.address}/{image}"}))
    assert says in failures["job"]


def test_a_registry_that_cannot_be_reached_is_told_once_and_stops_nothing(world: World, engine: Plugin) -> None:
    for run in ("pets", "cats"):
        inputs = {**given(world, environment={"image": "127.0.0.1:9/team/base:1"}), "run": run}
        found, failures = engine.check(urn("Run", run), inputs)
        assert failures == {}
        assert found["definition"]["image"] == "127.0.0.1:9/team/base:1"
    assert len([line for line in engine.engine.lines() if "images are not looked up in this preview" in line]) == 1


def test_a_file_without_compute_is_told_where_it_runs(world: World, engine: Plugin) -> None:
    first = checked(engine, given(world))
    assert any("job.yml names no compute, and runs on the stack's cluster" in line for line in engine.engine.lines())
    checked(engine, given(world), first)
    assert len([line for line in engine.engine.lines() if "names no compute" in line]) == 1
