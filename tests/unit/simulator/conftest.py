"""An Azure on this machine, trainup's own client of it, and jobs to run there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.azure import visit
from tests.support.waiting import until
from trainup.jobs.azure.http.client import AzureClient
from trainup.jobs.azure.http.credentials import find_credential
from trainup.jobs.azure.http.endpoints import find_endpoints
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.runs import Run
from trainup.simulator.cloud.sample import Sample, furnish
from trainup.simulator.rehearsal import Rehearsal, rehearsal


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    """All faces of an empty Azure, which this process sees."""
    with rehearsal(tmp_path / "rehearsal") as made:
        visit(made, monkeypatch)
        yield made


@pytest.fixture
def azure(running: Rehearsal) -> Azure:
    return running.azure


@pytest.fixture
def client(running: Rehearsal) -> AzureClient:
    """Logged in as the deployer."""
    endpoints = find_endpoints()
    return AzureClient(endpoints, find_credential(endpoints))


@pytest.fixture
def sample(azure: Azure) -> Sample:
    """A workspace with a cluster of two nodes."""
    return furnish(azure)


@dataclass(frozen=True)
class Jobs:
    """Jobs of the sample's workspace."""

    running: Rehearsal
    sample: Sample

    def submit(self, name: str, command: str, **properties: Any) -> str:
        """Put a job on the sample's cluster; returns its id."""
        body = {
            "jobType": "Command",
            "command": command,
            "environmentId": self.sample.environment,
            "computeId": self.sample.cluster,
            "experimentName": "tests",
            **properties,
        }
        given = {key: value for key, value in body.items() if value is not None}
        made = self.running.azure.put(f"{self.sample.workspace}/jobs/{name}", "2025-12-01", {"properties": given})
        return str(made["id"])

    def run(self, name: str, command: str, **properties: Any) -> Run:
        """The same, to its end."""
        return self.running.machines.wait(self.submit(name, command, **properties))

    def code(self, **files: str) -> str:
        """A version of code with these scripts, `main="…"` for main.py; returns its id."""
        azure = self.running.azure
        for name, text in files.items():
            azure.storage.put("teamstorage", "code", f"snapshot/{name}.py", text.encode())
        uri = f"{azure.endpoints.storage('teamstorage')}/code/snapshot"
        body = {"properties": {"codeUri": uri}}
        return str(azure.put(f"{self.sample.workspace}/codes/snapshot/versions/1", "2025-12-01", body)["id"])

    def log(self, name: str, file: str = "user_logs/std_log.txt") -> str:
        """A log of a job, as it is kept with the run."""
        blob = self.running.azure.storage.get("teamstorage", "azureml", f"ExperimentRun/dcid.{name}/{file}")
        assert blob is not None, f"{name} has no {file}"
        return blob.path.read_text()

    def wait_for(self, name: str, condition: Callable[[Run], bool]) -> Run:
        """Until something holds of a job's run."""
        run = self.running.azure.runs.get(self.sample.workspace, name)
        assert run is not None
        until(lambda: condition(run))
        return run


@pytest.fixture
def jobs(running: Rehearsal, sample: Sample) -> Jobs:
    return Jobs(running, sample)
