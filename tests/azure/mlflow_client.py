"""Runs in an environment of its own: `azureml-mlflow` with a workspace on this machine, told as JSON.

python mlflow_client.py TRACKING_URI models NAME FOLDER
python mlflow_client.py TRACKING_URI register RUN PATH NAME
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import mlflow
from azureml.mlflow._client.artifact._utils import blob_artifact_util
from azureml.mlflow._common._cloud.cloud import Cloud

# The client takes the host of the login service for its whole address, which fails where that has a port.
Cloud._get_authority = lambda cloud: cloud.endpoints.active_directory
# It leaves out, without a word, files of accounts that are in the path of an address and not in its host.
blob_artifact_util.is_source_uri_matches_storage_blob = lambda uri, **named: True

META = "registered_model_meta"
"""A file that MLflow writes beside what it downloads."""


def read_models(client: mlflow.MlflowClient, name: str, place: str) -> dict[str, Any]:
    """What the client sees of a model, and the files that it downloads of each version."""
    model = client.get_registered_model(name)
    told: dict[str, Any] = {"model": model.name, "tags": dict(model.tags), "versions": {}}
    for found in client.search_model_versions(f"name = '{name}'"):
        version = client.get_model_version(name, found.version)
        assert client.get_model_version_download_uri(name, version.version) == version.source
        files = _downloaded(f"models:/{name}/{version.version}", place)
        told["versions"][version.version] = {"run": version.run_id, "files": files}
    told["latest"] = _downloaded(f"models:/{name}/latest", place)
    try:
        told["listed"] = [found.name for found in client.search_registered_models()]
    except mlflow.MlflowException as refusal:
        told["listed"] = refusal.error_code
    return told


def register(client: mlflow.MlflowClient, run: str, path: str, name: str) -> dict[str, Any]:
    """Registers what a run left behind, as scripts do; returns the version and its run."""
    client.create_registered_model(name)
    made = client.create_model_version(name, f"{client.get_run(run).info.artifact_uri}/{path}", run)
    return {"version": made.version, "run": made.run_id}


def _downloaded(uri: str, place: str) -> dict[str, str]:
    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=place))
    above = Path(place)
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != META]
    files = {path.relative_to(above).as_posix(): path.read_text() for path in found}
    shutil.rmtree(folder)
    return files


if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[1])
    action = {"models": read_models, "register": register}[sys.argv[2]]
    print(json.dumps(action(mlflow.MlflowClient(), *sys.argv[3:])))
