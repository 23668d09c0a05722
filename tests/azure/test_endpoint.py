"""A model on a managed online endpoint: what Azure is asked for, in which order, and what stays when it fails."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import contract
from tests.support.azure import Cloud, cloud
from tests.support.project import Project
from trainup.jobs.serving.trainup_entry import MOST_BYTES

pytestmark = pytest.mark.engine

ML = "Microsoft.MachineLearningServices/workspaces"
ENDPOINTS, DEPLOYMENTS = f"{ML}/onlineEndpoints", f"{ML}/onlineEndpoints/deployments"
QUICK = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}
TRAIN = """
import os, pathlib
pathlib.Path("outputs/model.txt").write_text("{factor}")
pathlib.Path("outputs/metrics.json").write_text('{{"factor": {factor}}}')
"""
SCORE = """
import json, os
def init():
    global factor
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.txt")) as file:
        factor = float(file.read())
def run(raw_data):
    return [factor * number for number in json.loads(raw_data)["data"]]
"""


def stack(running: Cloud) -> Project:
    project = running.stack(
        "dev",
        image={"context": "image"},
        access={"users": [running.azure.deployer]},
        runs={"train": {"source": "code", "script": "main.py"}},
        endpoints={"numbers": {"source": "scoring", "model": {"run": "train", "path": "model.txt"}}},
    )
    project.environment.update(QUICK)
    image = project.folder / "image"
    image.mkdir()
    (image / "Dockerfile").write_text(
        "FROM mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:20260715.v1\n"
        "RUN pip install azureml-inference-server-http==1.5.1\n"
    )
    project.script(TRAIN.format(factor=3))
    project.script(SCORE, "scoring", "score.py")
    project.script('{"data": [0]}', "scoring", "samples/nothing.json")
    project.script("[0]", "scoring", "samples/nothing.expected.json")
    return project


def deployments_of(running: Cloud, endpoint: dict[str, Any]) -> set[str]:
    """Names of the deployments of an endpoint."""
    every = running.azure.resources(DEPLOYMENTS)
    return {one["name"] for one in every if one["id"].startswith(f"{endpoint['id']}/")}


def answer(running: Cloud, url: str, key: str, data: bytes) -> tuple[int, Any]:
    """The status of a request by key, and the answer."""
    authority = ssl.create_default_context(cafile=running.variables["SSL_CERT_FILE"])
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), context=authority) as found:
            return found.status, json.loads(found.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_traffic_moves_last_and_a_failed_deployment_leaves_the_old_one_serving(
    tmp_path: Any, environment: dict[str, str], official_client: Callable[..., Any]
) -> None:
    with cloud(tmp_path, {**environment, **QUICK}) as running:
        project = stack(running)
        up = project.up()
        assert up.code == 0, up.text
        endpoint = running.one(ENDPOINTS)
        first = running.one(DEPLOYMENTS)["name"]
        assert endpoint["properties"]["traffic"] == {first: 100}
        assert endpoint["properties"]["authMode"] == "AADToken"
        changes = [what for what in running.azure.log if "/onlineEndpoints/" in what[1]]
        assert changes == [("PUT", endpoint["id"]), ("PUT", f"{endpoint['id']}/deployments/{first}"), changes[0]]
        for again in (project.up("--expect-no-changes"), project.refresh("--expect-no-changes")):
            assert again.code == 0, again.text

        misspelt = {"source": "scoring", "model": {"run": "train", "path": "modle.txt"}}
        project.edit(endpoints={"numbers": misspelt})
        assert "has no 'modle.txt', which `path` says; there are" in (preview := project.preview()).text
        assert preview.code != 0
        project.edit(endpoints={"numbers": {**misspelt, "model": {"run": "train", "path": "model.txt"}}})

        request = tmp_path / "request.json"
        request.write_text('{"data": [2]}')
        workspace = endpoint["id"].split("/onlineEndpoints/")[0]
        assert official_client(running, workspace, "invoke", endpoint["name"], str(request)) == [6.0]
        assert official_client(running, workspace, "served", endpoint["name"], str(tmp_path / "model")) == {
            "traffic": {first: 100},
            "auth": "aad_token",
            "deployment": first,
            "files": ["model.txt"],
        }

        project.script(SCORE.replace("    global", "    import nowhere\n    global"), "scoring", "score.py")
        up = project.up()
        assert up.code != 0
        assert "No module named 'nowhere'" in up.text
        assert f"{first} serves on" in up.text
        project.script(SCORE.replace("factor *", "1 + factor *"), "scoring", "score.py")
        up = project.up()
        assert up.code != 0
        assert "the sample nothing.json was answered with [1.0], and nothing.expected.json says [0]" in up.text
        assert running.names(DEPLOYMENTS) == [first]
        assert running.one(ENDPOINTS)["properties"]["traffic"] == {first: 100}

        project.script(SCORE, "scoring", "score.py")
        project.script(TRAIN.format(factor=4))
        before = len(running.azure.log)
        up = project.up()
        assert up.code == 0, up.text
        (second,) = running.names(DEPLOYMENTS)
        assert second != first
        changes = [what for what in running.azure.log[before:] if "/onlineEndpoints/" in what[1]]
        assert changes == [
            ("PUT", f"{endpoint['id']}/deployments/{second}"),
            ("PUT", endpoint["id"]),
            ("DELETE", f"{endpoint['id']}/deployments/{first}"),
        ]
        assert official_client(running, workspace, "invoke", endpoint["name"], str(request)) == [8.0]

        # What a gate lets through is served as well; a new deployment may get a part of the requests, or copies.
        serving = {"source": "scoring", "model": {"gate": "numbers"}}
        keyed = {**serving, "auth_mode": "key"}
        project.edit(
            models={"numbers": {"run": "train", "path": "model.txt"}},
            gates={"numbers": {"model": "numbers", "rules": ["factor > 3.5"]}},
            endpoints={"numbers": {**serving, "traffic": 10}, "keyed": keyed},
        )
        up = project.up()
        assert up.code == 0, up.text
        (third,) = deployments_of(running, endpoint) - {second}
        live = json.loads(project.pulumi("stack", "output", "gates", "--json"))["numbers"]["live"]
        served = running.azure.get(f"{endpoint['id']}/deployments/{third}")
        assert served["properties"]["model"] == live["id"]
        assert running.azure.get(endpoint["id"])["properties"]["traffic"] == {second: 90, third: 10}
        assert project.up("--expect-no-changes").code == 0

        url = json.loads(project.pulumi("stack", "output", "endpoints", "--json"))["keyed"]["url"]
        (by_key,) = [one for one in running.azure.resources(ENDPOINTS) if one["id"] != endpoint["id"]]
        assert by_key["properties"]["authMode"] == "Key"
        key = running.azure.key(by_key["id"].lower(), "primary")
        assert answer(running, url, key, b'{"data": [2]}') == (200, [8.0])
        assert answer(running, url, "another", b'{"data": [2]}')[0] == 401
        refused = answer(running, url, key, b"0" * (MOST_BYTES + 1))
        assert refused == (413, {"message": f"the request is larger than {MOST_BYTES} bytes, the most that is taken"})

        mirrored = {**serving, "mirror_traffic": 10, "environment_variables": {"NEW": "1"}}
        project.edit(endpoints={"numbers": mirrored, "keyed": keyed | {"auth_mode": "aad_token"}})
        up = project.up()
        assert up.code != 0
        assert "has the auth mode Key, which Azure ML does not change to AADToken" in up.text
        project.edit(endpoints={"numbers": mirrored, "keyed": keyed})
        up = project.up()
        assert up.code == 0, up.text
        shares = running.azure.get(endpoint["id"])["properties"]
        (fourth,) = deployments_of(running, endpoint) - {second}
        assert (shares["traffic"][second], shares["mirrorTraffic"]) == (100, {fourth: 10})
        assert project.up("--expect-no-changes").code == 0
        destroy = project.destroy()
        assert destroy.code == 0, destroy.text
        assert running.azure.empty
        contract.judge(running.bodies)
