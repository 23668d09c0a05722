"""Job files as the official client sends them, and as trainup does: field by field the same, where they should be."""

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from tests.azure.runs.conftest import World
from tests.support.plugin import plugin, urn

pytestmark = pytest.mark.slow

USED = {"environment": "azureml:fastai2:1", "compute": "azureml:gpu-cluster"}
CONDA = {"channels": ["conda-forge"], "dependencies": ["python=3.11", {"pip": ["pandas==2.3.3"]}]}
IDENTITY = {"type": "managed", "client_id": "5ab0f3e2-0000-4000-8000-00000000000a"}
STORE = "azureml://datastores/workspaceblobstore/paths"
FILES: dict[str, dict[str, Any]] = {
    "minimal": {"command": "true", **USED},
    "full": {
        "$schema": "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json",
        "type": "command",
        "display_name": "pets",
        "description": "cats and dogs",
        "experiment_name": "exp",
        "command": "python train.py --epochs ${{inputs.epochs}} --data ${{inputs.pets}} && cp x ${{outputs.model}}",
        "code": "./src",
        **USED,
        "inputs": {
            "epochs": 5,
            "rate": 0.5,
            "flag": "True",
            "pets": {"type": "uri_folder", "path": "azureml:pets:2", "mode": "download"},
            "raw": {"path": f"{STORE}/raw/"},
        },
        "outputs": {"model": {"type": "uri_folder", "mode": "upload"}, "report": {}, "best": {"type": "mlflow_model"}},
        "distribution": {"type": "pytorch", "process_count_per_instance": 2},
        "resources": {"instance_count": 2, "shm_size": "16g", "docker_args": "--ulimit memlock=-1"},
        "limits": {"timeout": 90061},
        "environment_variables": {"A": "it's", "N": 5, "F": 0.5},
        "tags": {"team": "vision"},
        "identity": IDENTITY,
    },
    "code of ours": {"command": "true", "code": "other", **USED},
    "image": {**USED, "command": "true", "environment": {"image": "mcr.microsoft.com/azureml/minimal:1"}},
    "mpi": {
        "command": "true",
        **USED,
        "distribution": {"type": "mpi", "process_count_per_instance": 2},
        "resources": {"instance_count": 2},
        "limits": {"timeout": 86400},
    },
    "tensorflow": {
        "command": "true",
        **USED,
        "distribution": {"type": "tensorflow", "worker_count": 2, "parameter_server_count": 1},
        "resources": {"instance_count": 2},
    },
    "serverless": {
        "command": "true",
        "environment": "azureml:fastai2:1",
        "resources": {"instance_type": "Standard_NC4as_T4_v3", "instance_count": 1},
        "queue_settings": {"job_tier": "spot"},
        "identity": {"type": "user_identity"},
    },
    "data": {
        "command": "cat ${{inputs.file}} ${{inputs.table}} ${{inputs.address}} > ${{outputs.kept}}/all",
        "environment": "azureml:fastai2:1",
        "compute": "gpu-cluster",
        "inputs": {
            "file": {"type": "uri_file", "path": f"{STORE}/a.txt", "mode": "ro_mount"},
            "table": {"type": "mltable", "path": "azureml:table:1", "mode": "eval_mount"},
            "address": {"path": "azureml:pets:2", "mode": "direct"},
            "public": {"path": "wasbs://data@account.blob.core.windows.net/pets"},
            "text": "it's $HOME",
        },
        "outputs": {"kept": {"mode": "rw_mount", "path": f"{STORE}/kept/"}},
    },
    "labels": {
        "command": "true",
        "environment": "azureml:fastai2@latest",
        "compute": "gpu-cluster",
        "inputs": {
            "pets": {"path": "azureml:pets@latest"},
            "table": {"type": "mltable", "path": "azureml:table@latest"},
        },
    },
    "conda": {
        "command": "true",
        "compute": "gpu-cluster",
        "environment": {"image": "mcr.microsoft.com/azureml/minimal:1", "conda_file": "packages.yml"},
    },
    "conda written out": {
        "command": "true",
        "compute": "gpu-cluster",
        "environment": {"image": "mcr.microsoft.com/azureml/minimal:1", "conda_file": CONDA},
    },
    "services": {
        "command": "true",
        **USED,
        "services": {
            "lab": {"type": "jupyter_lab", "nodes": "all"},
            "board": {"type": "tensor_board", "log_dir": "outputs/tb"},
            "code": {"type": "vs_code"},
            "shell": {"type": "ssh", "ssh_public_keys": "ssh-ed25519 AAAA"},
        },
    },
    "models": {
        "command": "true",
        **USED,
        "inputs": {"ours": {"type": "mlflow_model", "path": "azureml:cats:1", "mode": "download"}},
    },
    "local data": {
        "command": "cat ${{inputs.folder}}/train.py ${{inputs.file}}",
        **USED,
        "inputs": {
            "folder": {"path": "src", "mode": "download"},
            "file": {"type": "uri_file", "path": "src/train.py"},
            "model": {"type": "mlflow_model", "path": "./other"},
        },
    },
}

DIFFERENCES = {
    "properties.*git.*": "the official client adds what git tells of the folder in which it happens to be called",
    "properties.trainup.*": "how trainup finds its runs again",
    "tags.trainup.*": "likewise, and whose they are",
    "tags.managed-by": "for people and policies",
    "environmentVariables.TRAINUP_*": "what trainup tells the run",
    "environmentId.isArchived": "the official client says of an image's environment what is so anyway",
    "environmentId.osType": "trainup does",
    "outputs.kept.mode": "trainup leaves out rw_mount, which the service takes for an output of which nothing is said",
}
"""Path → why both need not be the same there."""

UNSAID = {
    "displayName": ("display_name", "the official client makes one up; trainup takes the run's id"),
    "experimentName": ("experiment_name", "the official client takes the name of the folder it is called in"),
    "resources.instanceCount": ("resources", "trainup says the one that the service would take"),
}
"""Path → the key of the file that settles it, and why both need not be the same without it."""

ANONYMOUS = "CliV2AnonymousEnvironment"
CODES = "Microsoft.MachineLearningServices/workspaces/codes/versions"


def test_a_job_file_asks_azure_for_what_the_official_client_asks_for(
    world: World, official_client: Callable[..., Any]
) -> None:
    prepare(world)
    ours = submit(world, "code of ours")
    files = [str(world.project / f"{name}.yml") for name in FILES]
    theirs = dict(zip(FILES, official_client(world.running, world.sample.workspace, "submit", *files), strict=True))
    ours |= submit(world, *(name for name in FILES if name not in ours))
    found = {name: different(name, asked(world, ours[name]), asked(world, theirs[name])) for name in FILES}
    assert found == {name: {} for name in FILES}
    assert len(world.azure.resources(CODES)) == 2, "code is uploaded once, whoever comes first"


def prepare(world: World) -> None:
    """Files, the code that they name, and the data."""
    for name, content in FILES.items():
        (world.project / f"{name}.yml").write_text(yaml.safe_dump(content))
    for folder in ("src", "other"):
        (world.project / folder).mkdir()
        (world.project / folder / "train.py").write_text(f"print({folder!r})\n")
    (world.project / "packages.yml").write_text(yaml.safe_dump(CONDA))
    body = {"properties": {"modelType": "mlflow_model", "modelUri": f"{STORE}/cats/"}}
    world.azure.put(f"{world.sample.workspace}/models/cats/versions/1", "2025-12-01", body)
    for name, version, kind in (("pets", 2, "uri_folder"), ("table", 1, "mltable")):
        body = {"properties": {"dataType": kind, "dataUri": f"{STORE}/{name}/"}}
        world.azure.put(f"{world.sample.workspace}/data/{name}/versions/{version}", "2025-12-01", body)


def submit(world: World, *names: str) -> dict[str, str]:
    """Start the runs of these files as the engine would, on a stack without a cluster; file → job."""
    given = {
        "target": "azure",
        "workspace": world.sample.workspace,
        "cluster": "serverless",
        "image": "stack:1",
        "environment": f"{world.sample.workspace}/environments/stack/versions/1",
        "wait": False,
    }
    jobs = {}
    with plugin(world.project) as engine:
        for number, name in enumerate(names):
            run = f"run-{number}"
            inputs, failures = engine.check(urn("Run", run), {**given, "run": run, "job": f"{name}.yml"})
            assert failures == {}
            jobs[name] = engine.create(urn("Run", run), inputs).id
    return jobs


def asked(world: World, job: str) -> dict[str, Any]:
    """What Azure was asked for, path by path; an anonymous environment by what it is."""
    body = dict((world.azure.find(f"{world.sample.workspace}/jobs/{job}") or {})["_body"]["properties"])
    environment = world.azure.find(body["environmentId"])
    if environment and f"/{ANONYMOUS}/" in body["environmentId"]:
        body["environmentId"] = dict(environment["_body"]["properties"])
        if conda := body["environmentId"].get("condaFile"):
            body["environmentId"]["condaFile"] = yaml.safe_load(conda)
    for item in body.get("inputs", {}).values():
        item |= {"uri": files_at(world, item["uri"])} if "uri" in item else {}
    return dict(leaves(body))


def files_at(world: World, uri: str) -> Any:
    """The files of uploaded data, which both clients keep in folders of their own; any other address as it is."""
    asset = world.azure.find(uri)
    address = asset["properties"]["dataUri"] if asset and "/data/trainup-" in uri else uri
    _, _, path = address.partition("/datastores/workspaceblobstore/paths/")
    if not path.startswith(("LocalUpload/", "trainup/data/")):
        return uri
    datastore = world.azure.find(f"{world.sample.workspace}/datastores/workspaceblobstore") or {}
    container = datastore["properties"]["containerName"]
    blobs = world.azure.storage.list("teamstorage", container, path)
    return {name.rpartition("/")[2]: blob.path.read_bytes() for name, blob in blobs}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Path → value of everything in nested maps; an empty map says nothing."""
    if not isinstance(value, dict):
        yield path, value
        return
    for key, item in value.items():
        yield from leaves(item, f"{path}.{key}" if path else key)


def different(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Path → what trainup and the official client ask for, where that differs and has to be the same."""
    allowed = [*DIFFERENCES, *(path for path, (key, _) in UNSAID.items() if key not in FILES[name])]
    return {
        path: (ours.get(path), theirs.get(path))
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path) and not any(fnmatchcase(path, pattern) for pattern in allowed)
    }
