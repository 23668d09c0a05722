"""The request of a run whose stack is not deployed yet."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from trainup.cli.planning import request as plan
from trainup.cli.stack import Stack
from trainup.core.values import UNKNOWN, Secret
from trainup.provider.handler import Context
from trainup.provider.run import RunHandler

LATER = "<known after up>"
NOT_DEPLOYED: dict[str, Any] = {"workspace": UNKNOWN, "cluster": UNKNOWN, "image": UNKNOWN, "environment": UNKNOWN}


def drafted(folder: Path, **inputs: Any) -> dict[str, Any]:
    """The request that `trainup request` prints, of a run with these inputs."""
    (folder / "code").mkdir()
    (folder / "code" / "fit.py").write_text("print(1)\n")
    context = Context(urn="", project=folder, canceled=threading.Event())
    checked, findings = RunHandler().check(context, {"run": "pets", "target": "azure", **NOT_DEPLOYED, **inputs})
    assert findings == []
    return plan.request({**checked, "urn": "urn:pets"}, Stack("dev", "trainup", []), folder)


def test_what_is_known_is_there_and_the_rest_is_marked(tmp_path: Path) -> None:
    data = {"uri": UNKNOWN, "digest": UNKNOWN}
    request = drafted(tmp_path, source="code", script="fit.py", arguments=["--epochs", "5"], inputs={"pets": data})
    body = request["body"]["properties"]
    assert request["url"].startswith("https://management.azure.com/subscriptions/<known after up>/resourceGroups/")
    assert request["url"].endswith("/jobs/pets-<digest: known after up>?api-version=2025-12-01")
    assert "python fit.py --epochs 5" in body["command"]
    assert body["environmentId"] == LATER
    assert body["inputs"]["pets"]["uri"].endswith(f"/data/{LATER}/versions/1")
    assert body["properties"]["trainup.digest"] == LATER


def test_a_job_file_is_drafted_as_it_will_be_sent(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text("command: python fit.py\ncode: code\nenvironment: azureml:own:3\n")
    body = drafted(tmp_path, job="job.yml")["body"]["properties"]
    assert body["command"] == "python fit.py"
    assert body["environmentId"].endswith("/environments/own/versions/3")


def test_no_value_of_a_secret_is_in_a_draft(tmp_path: Path) -> None:
    request = drafted(tmp_path, source="code", script="fit.py", secrets={"TOKEN": Secret("pl4nted")})
    assert "pl4nted" not in json.dumps(request)
    assert "TOKEN" in request["body"]["properties"]["environmentVariables"]["TRAINUP_SECRETS"]


@pytest.mark.parametrize("name", ["workspace", "cluster", "image", "environment"])
def test_one_thing_that_is_unknown_is_enough(tmp_path: Path, name: str) -> None:
    workspace = (
        "/subscriptions/5ab0f3e2-0000-4000-8000-000000000001/resourceGroups/rg"
        "/providers/Microsoft.MachineLearningServices/workspaces/ws"
    )
    known = {
        "workspace": workspace,
        "cluster": f"{workspace}/computes/gpu",
        "environment": f"{workspace}/environments/e",
    }
    known["image"] = "x.azurecr.io/a@sha256:" + "0" * 64
    assert LATER in json.dumps(drafted(tmp_path, **{**known, name: UNKNOWN}, source="code", script="fit.py"))
