"""What a stack has in its workspace alone, since its state was never saved, ends; what others have there stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.waiting import until
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Job, Owner, Record
from trainup.provider import forgotten

pytestmark = pytest.mark.slow


@pytest.fixture
def target(tmp_path: Path) -> Iterator[LocalTarget]:
    made = LocalTarget(Workspace(tmp_path / "ws", tmp_path))
    made.workspace.create()
    yield made
    processes.kill(processes.of(tmp_path))


def owner(target: LocalTarget, stack: str, kind: str, name: str, project: str = "own") -> Owner:
    urn = f"urn:pulumi:{stack}::{project}::trainup:index:{kind}::{name}"
    return Owner(urn, f"token of {stack} {project} {name}", str(target.workspace.project))


def pool(target: LocalTarget, name: str, *owners: Owner) -> Pool:
    made = Pool(target.workspace, name)
    made.configure(1, [])
    for one in owners:
        made.owners.join(one)
    return made


def started(target: LocalTarget, cluster: str, owner: Owner) -> Record:
    spec = RunSpec(command=("sleep", "600"), rerun=owner.token)
    return lifecycle.start(target, Job(owner.token.split()[-1], spec, spec.digest(), owner, cluster=cluster))


def status(target: LocalTarget, record: Record) -> Status:
    found = target.get(record.name)
    assert found
    return found.status


def test_all_that_one_stack_has_ends_and_nothing_of_another(target: LocalTarget) -> None:
    first, second = (owner(target, stack, "Pool", "gpu") for stack in ("local", "other"))
    own = pool(target, "own", first)
    shared = pool(target, "shared", first, second)
    clusters = {"one": "own", "two": "own", "three": "shared"}
    mine = [started(target, cluster, owner(target, "local", "Run", run)) for run, cluster in clusters.items()]
    theirs = started(target, "shared", owner(target, "other", "Run", "four"))
    other_project = started(target, "shared", owner(target, "local", "Run", "five", project="another"))
    until(lambda: status(target, mine[0]) is Status.RUNNING)

    ended = forgotten.end(target.workspace, owner(target, "local", "Stack", "own-local"))
    assert set(ended) == {record.name for record in mine}
    assert {status(target, record) for record in mine} == {Status.CANCELED}
    assert not own.folder.exists()
    assert shared.folder.exists()
    until(lambda: status(target, theirs) is Status.RUNNING)
    assert status(target, other_project) is Status.QUEUED
    assert shared.owners.is_last(second)


def test_a_workspace_that_is_new_has_nothing_to_end(target: LocalTarget) -> None:
    assert forgotten.end(target.workspace, owner(target, "local", "Stack", "own-local")) == []
