"""Models and gates on Azure: the registry of the workspace, and which version its tag names."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import contract
from tests.support.azure import Cloud, grant_the_least
from tests.support.project import Project

pytestmark = pytest.mark.engine

IMAGE = {"builder": "prebuilt", "reference": "mcr.microsoft.com/azureml/minimal@sha256:" + "a" * 64}
ML = "Microsoft.MachineLearningServices/workspaces"
SCRIPT = """\
import json, os, sys
for name, text in (("metrics.json", json.dumps({"accuracy": float(sys.argv[1])})), ("model/weights.bin", sys.argv[1])):
    path = os.path.join("outputs", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").write(text)
"""
QUICK = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.05", "AZUREML_RUN_POLLING_INTERVAL_MAX": "0.5"}


JOBS = f"{ML}/jobs"


def settings(accuracy: str, **gate: Any) -> dict[str, Any]:
    return {
        "runs": {"digits": {"source": "code", "script": "train.py", "arguments": [accuracy]}},
        "models": {"digits": {"run": "digits", "path": "model", "tags": {"team": "vision"}}},
        "gates": {"digits": {"model": "digits", "rules": ["accuracy better than live by 0.002"], **gate}},
    }


def live(running: Cloud) -> str:
    """The version that the tag of the model names."""
    return str(running.one(f"{ML}/models")["properties"]["tags"]["trainup.live"])


def output(project: Project, name: str) -> Any:
    return json.loads(project.pulumi("stack", "output", name, "--json"))


def test_only_a_better_model_goes_live(
    running: Cloud, official_client: Callable[..., Any], mlflow_client: Callable[..., Any], tmp_path: Path
) -> None:
    project = running.stack("dev", image=IMAGE, access={"users": [running.azure.deployer]}, **settings("0.9"))
    project.environment.update(QUICK)
    (project.folder / "code").mkdir()
    (project.folder / "code" / "train.py").write_text(SCRIPT)
    up = project.up()
    assert up.code == 0, up.text
    first = output(project, "gates")["digits"]["live"]
    version = running.one(f"{ML}/models/versions")
    assert (version["id"], version["name"]) == (first["id"], first["version"])
    assert version["properties"]["jobName"] == first["run"]
    assert version["properties"]["properties"]["trainup.image"] == IMAGE["reference"] == first["image"]
    assert version["properties"]["tags"]["team"] == "vision"
    assert live(running) == first["version"]
    assert project.up("--expect-no-changes").code == 0
    before = len(running.azure.journal.entries)
    assert project.preview().is_empty
    assert len(running.azure.journal.entries) - before <= 2
    assert project.refresh("--expect-no-changes").code == 0

    project.edit(**settings("0.901"))
    worse = project.up()
    assert worse.code != 0
    assert f"{first['version']} stays live" in worse.text
    assert live(running) == first["version"]

    project.edit(**settings("0.95"))
    assert f"live is {first['version']} with accuracy 0.9" in project.preview().text
    better = project.up()
    assert better.code == 0, better.text
    second = output(project, "gates")["digits"]["live"]
    assert live(running) == second["version"] != first["version"]
    assert len(running.names(f"{ML}/models/versions")) == 3

    workspace = first["id"].split("/models/")[0]
    told = official_client(running, workspace, "models", "digits", str(tmp_path))
    assert told["model"] == "digits"
    assert {(one["run"], *one["files"].items()) for one in told["versions"].values()} >= {
        (first["run"], ("model/weights.bin", "0.9")),
        (second["run"], ("model/weights.bin", "0.95")),
    }
    told = mlflow_client(running, workspace, "models", "digits", str(tmp_path))
    assert told["tags"] == {"trainup.live": second["version"]}
    assert told["versions"].keys() == set(running.names(f"{ML}/models/versions"))
    assert told["versions"][first["version"]] == {"run": first["run"], "files": {"outputs/model/weights.bin": "0.9"}}
    assert told["latest"] == {"outputs/model/weights.bin": "0.95"}
    contract.judge(running.bodies)


def test_a_promotion_takes_over_files_and_image_without_a_job(running: Cloud) -> None:
    access = {"users": [running.azure.deployer]}
    dev = running.stack("dev", image={"context": "image"}, access=access, **settings("0.9"))
    (dev.folder / "code").mkdir()
    (dev.folder / "code" / "train.py").write_text(SCRIPT)
    (dev.folder / "image").mkdir()
    (dev.folder / "image" / "Dockerfile").write_text("FROM scratch\n")
    dev.environment.update(QUICK)
    up = dev.up()
    assert up.code == 0, up.text
    first, jobs = output(dev, "gates")["digits"]["live"], running.names(JOBS)

    prod = Project(dev.folder, dev.environment, stack="prod")
    sections = {"target": "azure", "access": access, "image": {"context": "image"}, "protect": False, "runs": {}}
    gates = {"digits": {"model": "digits", "rules": ["accuracy > 0.5"]}}
    prod.configure(**sections, gates=gates)
    prod.edit(workspace=None)
    for name in ("subscriptionId", "location"):
        value = prod.pulumi("config", "get", f"azure-native:{name}", "--stack", dev.stack).strip()
        prod.pulumi("config", "set", f"azure-native:{name}", value, "--stack", "prod")
    command = [sys.executable, "-m", "trainup.cli", "promote", dev.stack, "prod"]
    done = subprocess.run(command, cwd=dev.folder, env=dev.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"digits: was nothing\n  becomes {first['id']}\n" in done.stdout
    grant_the_least(running.azure, prod)
    up = prod.up()
    assert up.code == 0, up.text
    live = output(prod, "gates")["digits"]["live"]
    same = ("version", "digest", "run", "run_digest", "commit", "metrics")
    assert {key: live[key] for key in same} == {key: first[key] for key in same}
    assert live["id"] != first["id"]
    assert running.names(JOBS) == jobs
    digest = live["image"].partition("@")[2]
    assert digest == first["image"].partition("@")[2]
    (imported,) = [one for one in running.azure.journal.entries if one.path.endswith("/importImage")]
    registry = imported.path.removesuffix("/importImage")
    assert digest in [image.digest for image in running.azure.images.in_registry(registry)]
    assert f"/workspaces/{live['id'].split('/')[8]}/" in live["uri"]
    assert prod.up("--expect-no-changes").code == 0
    contract.judge(running.bodies)
