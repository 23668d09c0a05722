"""What the official client, azure-ai-ml, makes of the Azure on this machine."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import official
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.runs import Run
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import rehearsal


def test_without_a_network_the_client_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(official.NoNetwork, match="network was disabled"):
        official.python(environments=tmp_path)
    assert list(tmp_path.glob("*/bin/python")) == []


def test_a_lock_that_no_index_can_serve_is_no_lack_of_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_NO_INDEX", "1")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"nosuchpackage==1 --hash=sha256:{hashlib.sha256().hexdigest()}\n")
    with pytest.raises(RuntimeError, match="nosuchpackage"):
        official.python(lock, tmp_path)


@pytest.mark.slow
def test_it_makes_a_cluster_trains_streams_downloads_and_registers(
    official_client: Callable[..., Any], tmp_path: Path
) -> None:
    with rehearsal(tmp_path / "rehearsal") as running:
        # It cannot stream a job that tells its default output, as jobs of the service do.
        running.azure.default_output = False
        # It prints the log of a job only while that is under way, so the job waits until the client looks.
        running.azure.faults.add(Fault("GET", path="*/details", call=(tmp_path / "go").touch))
        told = official_client(running, furnish(running.azure).workspace, "first-hour", str(tmp_path))
    assert "data cats" in told.pop("log")
    assert told == {
        "workspace": "westeurope",
        "cluster": "ProvisioningState.SUCCEEDED",
        "environment": "1",
        "status": "Completed",
        "downloaded": [
            "artifacts/artifacts/outputs/metrics.json",
            "artifacts/artifacts/user_logs/std_log.txt",
            "model/named-outputs/model/model.bin",
        ],
        "code_is_shared": True,
        "jobs": 2,
        "model": "1",
        "sizes": True,
        "usage": True,
        "clusters": ["gpu-cluster"],
    }


@pytest.mark.slow
def test_mlflow_registers_finds_and_downloads_models(mlflow_client: Callable[..., Any], tmp_path: Path) -> None:
    with rehearsal(tmp_path / "rehearsal") as running:
        sample = furnish(running.azure)
        running.azure.runs.add(Run("one", sample.workspace, "pets", status="Completed"))
        for name, data in (("MLmodel", b"flavors: {}"), ("data/weights", b"1")):
            running.azure.storage.put("teamstorage", "azureml", f"ExperimentRun/dcid.one/model/{name}", data)
        made = mlflow_client(running, sample.workspace, "register", "one", "model", "pets")
        assert made == {"version": "1", "run": "one"}
        told = mlflow_client(running, sample.workspace, "models", "pets", str(tmp_path))
    files = {"model/MLmodel": "flavors: {}", "model/data/weights": "1"}
    assert told == {
        "model": "pets",
        "tags": {},
        "versions": {"1": {"run": "one", "files": files}},
        "latest": files,
        "listed": "INVALID_PARAMETER_VALUE",  # as the service answers MLflow 3
    }
