"""Runs of trainup's own client in a furnished Azure on this machine."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.azure import open_vault, visit
from tests.support.plugin import Plugin, plugin
from trainup.core.inputs import parse_run
from trainup.core.values import reveal
from trainup.jobs import lifecycle, snapshot
from trainup.jobs.azure.http.client import AzureClient
from trainup.jobs.azure.http.credentials import find_credential
from trainup.jobs.azure.http.endpoints import find_endpoints
from trainup.jobs.azure.http.pipeline import Patience
from trainup.jobs.azure.job.submission import Submission
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.azure.target import AzureTarget
from trainup.jobs.snapshot import StatCache
from trainup.jobs.snapshot.tree_hash import TreeHashes
from trainup.jobs.target import Job, Owner, Record
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.sample import Sample, furnish
from trainup.simulator.rehearsal import Rehearsal, rehearsal

URN = "urn:pulumi:dev::trainup::trainup:index:TrainingRun$trainup:index:Run::"
JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"
IMPATIENT = Patience(tries=8, first_pause=0.01, longest_pause=0.05)


@dataclass
class Heard:
    """What somebody who waits for a run hears."""

    lines: list[str] = field(default_factory=list)
    told: list[Record] = field(default_factory=list)

    @property
    def statuses(self) -> list[str]:
        return [str(record.status) for record in self.told]


@dataclass
class World:
    """An Azure with a workspace in it, a project's folder, and clients of it."""

    running: Rehearsal
    sample: Sample
    project: Path

    @property
    def azure(self) -> Azure:
        return self.running.azure

    def client(self) -> AzureClient:
        """A client as a new process would have one."""
        endpoints = find_endpoints()
        return AzureClient(endpoints, find_credential(endpoints, retries=IMPATIENT.retries), IMPATIENT)

    def target(self, secrets: Mapping[str, str] | None = None) -> AzureTarget:
        """A target as a new process would have one."""
        workspace = Workspace(self.client(), self.sample.workspace)
        submission = Submission(workspace, TreeHashes(self.project / ".trainup" / "azure-code.json"))
        return AzureTarget(workspace, submission, secrets)

    def write(self, **files: str) -> None:
        """Files of the source folder; two underscores stand for a dot."""
        (self.project / "code").mkdir(exist_ok=True)
        for name, text in files.items():
            (self.project / "code" / name.replace("__", ".")).write_text(text)

    def job(self, run: str = "pets", *, token: str = "t1", stack: str = "dev", **inputs: Any) -> Job:
        """A job as the provider makes it."""
        given: dict[str, Any] = {
            "run": run,
            "target": "azure",
            "workspace": self.sample.workspace,
            "cluster": self.sample.cluster,
            "image": "fastai2:1",
            "environment": self.sample.environment,
            **inputs,
        }
        manifest: Mapping[str, str] = {}
        if "source" in given:
            taken = snapshot.take(self.project / given["source"], cache=StatCache(self.project / "cache"))
            given["snapshot_digest"], manifest = taken.digest, taken.manifest
        parsed, findings = parse_run(given)
        assert findings == []
        assert parsed.spec is not None
        return Job(
            run=run,
            spec=parsed.spec,
            digest=parsed.spec.digest(),
            owner=Owner(URN.replace(":dev::", f":{stack}::") + run, token),
            source=self.project / parsed.source if parsed.source else None,
            manifest=manifest,
            secrets=reveal(parsed.secrets),
            cluster=parsed.cluster,
            data_inputs=parsed.inputs,
            named_outputs=parsed.outputs,
            environment=parsed.environment,
            identity=parsed.identity,
        )

    def shell(self, text: str, run: str = "pets", **inputs: Any) -> Job:
        """A job of a shell command."""
        return self.job(run, command=["bash", "-c", text], **inputs)

    def run(
        self, job: Job, target: AzureTarget | None = None, stop: threading.Event | None = None
    ) -> tuple[Record, Heard]:
        """See a run through."""
        heard = Heard()
        listener = lifecycle.Listener(heard.lines.extend, heard.told.append)
        record = lifecycle.run(target or self.target(job.secrets), job, listener, stop or threading.Event())
        return record, heard

    def open_vault(self) -> str:
        """Let the deployer write the vault's secrets, and the nodes read them; returns the vault's id."""
        return open_vault(self.azure, self.sample)

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs in the workspace."""
        return self.azure.resources(JOBS)

    def names(self) -> list[str]:
        return sorted(job["name"] for job in self.jobs())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with rehearsal(tmp_path / "rehearsal") as running:
        visit(running, monkeypatch)
        monkeypatch.setenv("AZUREML_RUN_POLLING_INTERVAL_MIN", "0.01")
        monkeypatch.setenv("AZUREML_RUN_POLLING_INTERVAL_MAX", "0.05")
        project = tmp_path / "project"
        project.mkdir()
        yield World(running, furnish(running.azure), project)
        left = running.azure.faults.unused()
    assert left == [], "these faults never struck"


@pytest.fixture
def engine(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    """The plugin, which looks often."""
    monkeypatch.setenv("AZUREML_RUN_POLLING_INTERVAL_MIN", "0.02")
    monkeypatch.setenv("AZUREML_RUN_POLLING_INTERVAL_MAX", "0.1")
    with plugin(world.project) as made:
        yield made
