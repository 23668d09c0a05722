"""Runs in an environment of its own: the official client against the Azure on this machine, told as JSON.

python official_client.py SUBSCRIPTION GROUP WORKSPACE first-hour FOLDER
python official_client.py SUBSCRIPTION GROUP WORKSPACE submit FILE...
"""

import contextlib
import io
import json
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

# The client writes an account's address as https://<account>.blob.<suffix>, which not every machine resolves.
_resolve = socket.getaddrinfo


def _local(host: Any, *rest: Any, **named: Any) -> Any:
    return _resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **named)


socket.getaddrinfo = _local

from azure.ai.ml import Input, MLClient, Output, command, load_job  # noqa: E402
from azure.ai.ml.entities import AmlCompute, Data, Environment, Model  # noqa: E402
from azure.identity import ManagedIdentityCredential  # noqa: E402

SCRIPT = """
import pathlib, sys, time
data, output, go = map(pathlib.Path, sys.argv[1:])
while not go.exists():
    time.sleep(0.01)
print("data", (data / "a.txt").read_text())
(output / "model.bin").write_text("weights")
pathlib.Path("outputs/metrics.json").write_text("{}")
"""


def submit(ml: MLClient, *files: str) -> list[str]:
    """Start the jobs of files, and return their names."""
    return [ml.jobs.create_or_update(load_job(file)).name for file in files]


def first_hour(ml: MLClient, place: str) -> dict[str, Any]:
    """Everything a data scientist does in a first hour; returns what the client saw."""
    folder = Path(place)
    told: dict[str, Any] = {"workspace": ml.workspaces.get(ml.workspace_name).location}
    cluster = AmlCompute(name="second", size="Standard_NC4as_T4_v3", max_instances=2, idle_time_before_scale_down=120)
    told["cluster"] = str(ml.compute.begin_create_or_update(cluster).result().provisioning_state)
    environment = ml.environments.create_or_update(Environment(name="own", image="mcr.microsoft.com/azureml/minimal"))
    told["environment"] = environment.version

    (folder / "src").mkdir()
    (folder / "src" / "main.py").write_text(SCRIPT)
    (folder / "data").mkdir()
    (folder / "data" / "a.txt").write_text("cats")
    data = ml.data.create_or_update(Data(name="cats", path=str(folder / "data"), type="uri_folder"))

    def job() -> Any:
        return command(
            code=str(folder / "src"),
            command="python main.py ${{inputs.data}} ${{outputs.model}} ${{inputs.go}}",
            environment=f"{environment.name}:{environment.version}",
            compute="second",
            inputs={"data": Input(type="uri_folder", path=data.id), "go": str(folder / "go")},
            outputs={"model": Output(type="uri_folder")},
            experiment_name="pets",
            tags={"by": "test"},
        )

    first = ml.jobs.create_or_update(job())
    with contextlib.redirect_stdout(io.StringIO()) as streamed:
        ml.jobs.stream(first.name)
    told["log"] = streamed.getvalue()
    told["status"] = ml.jobs.get(first.name).status
    ml.jobs.download(first.name, download_path=folder / "artifacts", all=True)
    ml.jobs.download(first.name, download_path=folder / "model", output_name="model")
    told["downloaded"] = sorted(
        path.relative_to(folder).as_posix()
        for part in ("artifacts", "model")
        for path in (folder / part).rglob("*")
        if path.is_file()
    )
    again = ml.jobs.create_or_update(job())
    told["code_is_shared"] = again.code == first.code
    ml.jobs.begin_cancel(again.name).result()
    told["jobs"] = len(list(ml.jobs.list()))
    model = Model(name="cats", path=f"azureml://jobs/{first.name}/outputs/model/paths/", type="custom_model")
    told["model"] = ml.models.create_or_update(model).version
    told["sizes"] = "Standard_NC4as_T4_v3" in [size.name for size in ml.compute.list_sizes()]
    told["usage"] = len(list(ml.compute.list_usage())) > 0
    ml.compute.begin_delete("second").result()
    told["clusters"] = [found.name for found in ml.compute.list()]
    return told


def read_models(ml: MLClient, name: str, place: str) -> dict[str, Any]:
    """What the client sees of a model, and the files that it downloads of each version."""
    (model,) = ml.models.list()
    told: dict[str, Any] = {"model": model.name, "versions": {}}
    for version in ml.models.list(name=name):
        ml.models.download(name, version.version, download_path=place)
        folder = Path(place) / name
        files = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
        shutil.rmtree(folder)
        told["versions"][version.version] = {"files": files, "run": version.properties["trainup.run"]}
    return told


def invoke(ml: MLClient, endpoint: str, file: str) -> Any:
    """The answer of an endpoint to the request in a file."""
    return json.loads(ml.online_endpoints.invoke(endpoint, request_file=file))


def served(ml: MLClient, endpoint: str, folder: str) -> dict[str, Any]:
    """What the client sees of an endpoint, and of the model that serves there."""
    found = ml.online_endpoints.get(endpoint)
    (deployment,) = ml.online_deployments.list(endpoint)
    name, version = str(deployment.model).split("/")[-3], str(deployment.model).split("/")[-1]
    ml.models.download(name, version, folder)
    files = sorted(path.name for path in Path(folder).rglob("*") if path.is_file())
    return {"traffic": found.traffic, "auth": found.auth_mode, "deployment": deployment.name, "files": files}


def scheduled(ml: MLClient) -> list[dict[str, Any]]:
    """The schedules that the client sees, and what they start."""
    return [
        {
            "name": one.name,
            "enabled": one.is_enabled,
            "expression": one.trigger.expression,
            "time_zone": one.trigger.time_zone,
            "command": one.create_job.command,
        }
        for one in ml.schedules.list()
    ]


if __name__ == "__main__":
    client = MLClient(ManagedIdentityCredential(), *sys.argv[1:4])
    actions = {"first-hour": first_hour, "submit": submit, "invoke": invoke, "served": served, "models": read_models}
    actions["scheduled"] = scheduled
    print(json.dumps(actions[sys.argv[4]](client, *sys.argv[5:])))
