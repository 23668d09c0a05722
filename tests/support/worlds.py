"""A place on each target where a test can start runs of shell commands, without Pulumi."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import processes
from tests.support.azure import open_vault, visit
from tests.support.waiting import until
from trainup.jobs import lifecycle
from trainup.jobs.azure.http.client import API_VERSION
from trainup.jobs.azure.http.connection import client_of
from trainup.jobs.azure.job import launcher, schedules
from trainup.jobs.job_inputs import job_of
from trainup.jobs.lifecycle import Listener
from trainup.jobs.local import run_record
from trainup.jobs.local.run_record import RunFolder
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Job, Owner, Record, Target
from trainup.jobs.targets import target_of
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import Rehearsal, rehearsal
from trainup.simulator.rest.schedules import fire

NEVER = threading.Event()
STACK = "urn:pulumi:{}::trainup::trainup:index:TrainingRun$trainup:index:Run::{}"
WORKSPACE = ".trainup/test"


@dataclass
class World:
    """A target with nothing on it but a cluster, and a project."""

    project: Path
    place: Mapping[str, Any]
    """The inputs that say where a run runs."""
    missing: str
    """The address of data that is not there."""
    started: list[str] = field(default_factory=list)
    cloud: Rehearsal | None = None
    """The simulated Azure, where the target is there."""

    def inputs(self, text: str, run: str = "pets", **inputs: Any) -> dict[str, Any]:
        """The inputs of a run of a shell command."""
        return {"run": run, "command": ["bash", "-c", text], **self.place, **inputs}

    def job(self, text: str, run: str = "pets", *, token: str = "", stack: str = "dev", **inputs: Any) -> Job:
        return job_of(
            self.inputs(text, run, **inputs), self.project, Owner(STACK.format(stack, run), token or f"t-{run}")
        )

    def target(self, **inputs: Any) -> Target:
        """A target as a new process would have one."""
        return target_of({**self.inputs("true"), **inputs}, self.project)

    def start(self, job: Job, target: Target | None = None) -> Record:
        record = lifecycle.start(target or self.target(), job)
        self.started.append(record.name)
        return record

    def run(self, job: Job, target: Target | None = None) -> tuple[Record, list[str]]:
        """See a run through; also returns the lines that it printed."""
        lines: list[str] = []
        return lifecycle.run(target or self.target(), job, Listener(lines.extend), NEVER), lines

    def count(self, name: str) -> int:
        """How many lines a file of the project has, which runs write as well."""
        path = self.project / name
        return len(path.read_text().splitlines()) if path.exists() else 0

    def running(self, text: str = "sleep 600", **inputs: Any) -> tuple[Job, Record]:
        """A run whose command has begun."""
        job = self.job(f"echo began >> {self.project}/began; {text}", **inputs)
        before = self.count("began")
        record = self.start(job)
        until(lambda: self.count("began") > before)
        return job, record

    def come_due(self, job: Job) -> None:
        """The time of a run's schedule comes: on Azure the service starts an attempt, elsewhere the last one is old."""
        if self.cloud:
            schedule = f"{self.place['workspace']}/schedules/{schedules.name_of(job.run, job.owner)}"
            when = datetime.now(UTC) + timedelta(weeks=len(self.started))  # each time is another one
            self.started.append(fire(self.cloud.azure, schedule, when, API_VERSION))
            return
        target = self.target()
        assert isinstance(target, LocalTarget)
        folder = RunFolder(target.workspace.runs / target.attempts(job.id)[-1].name)
        definition = run_record.read_definition(folder)
        assert definition
        created = datetime.fromisoformat(definition.created) - timedelta(days=8)
        run_record.write_definition(folder, replace(definition, created=created.isoformat()))

    def end(self) -> None:
        for name in self.started:
            self.target().cancel(name, "the test is over")


@contextmanager
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: int = 1) -> Iterator[World]:
    """A workspace of this machine, with a cluster of so many slots."""
    project = tmp_path / "project"
    project.mkdir()
    Pool(Workspace(project / WORKSPACE, project), "gpu").configure(nodes, [])
    world = World(project, {"target": "local", "workspace": WORKSPACE, "cluster": "gpu"}, missing="data/pets")
    yield world
    world.end()
    left = processes.left(project)
    processes.kill(left)
    assert left == []


@contextmanager
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: int = 1) -> Iterator[World]:
    """A workspace of a simulated Azure, with a cluster of so many nodes."""
    with rehearsal(tmp_path / "rehearsal") as running:
        visit(running, monkeypatch)
        monkeypatch.setenv("AZUREML_RUN_POLLING_INTERVAL_MIN", "0.01")
        monkeypatch.setenv("AZUREML_RUN_POLLING_INTERVAL_MAX", "0.05")
        monkeypatch.setattr(launcher, "NEW_SECONDS", 0.5)  # reads do not lag behind here
        client_of.cache_clear()
        sample = furnish(running.azure, nodes=nodes)
        open_vault(running.azure, sample)
        project = tmp_path / "project"
        project.mkdir()
        place = {"workspace": sample.workspace, "cluster": sample.cluster, "environment": sample.environment}
        world = World(
            project, {"target": "azure", "image": "fastai2:1", **place}, missing="azureml:pets:1", cloud=running
        )
        yield world
        world.end()
        client_of.cache_clear()


WORLDS = {"local": local, "azure": azure}
