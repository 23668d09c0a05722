"""The platform on this machine as the engine sees it: who it belongs to, and what happens when it is gone."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.support import processes
from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from tests.support.waiting import until
from trainup.core.status import Status
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.provider import pool as pools

# Every test starts real processes.
pytestmark = pytest.mark.slow

POOL, SERVER, IMAGE, RUN = (urn(kind, "x") for kind in ("Pool", "Server", "Image", "Run"))
GIVEN: dict[str, dict[str, Any]] = {
    POOL: {"workspace": "ws", "name": "gpu", "max_nodes": 1},
    SERVER: {"workspace": "ws", "tracking": "none"},
    IMAGE: {"workspace": "ws", "builder": "venv"},
    RUN: {"workspace": "ws", "target": "local", "run": "r"},
}
NONE, SOME = provider_pb2.DiffResponse.DIFF_NONE, provider_pb2.DiffResponse.DIFF_SOME


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Plugin]:
    with plugin(tmp_path) as running:
        yield running
    left = processes.left(tmp_path)
    processes.kill(left)
    assert left == []


def made(engine: Plugin, kind: str, **inputs: Any) -> Resource:
    checked, failures = engine.check(kind, {**GIVEN[kind], **inputs})
    assert failures == {}
    return engine.create(kind, checked)


def test_the_late_delete_of_a_replaced_cluster_leaves_its_successor(engine: Plugin) -> None:
    old = made(engine, POOL)
    new = made(engine, POOL, workspace="./ws")  # the same folder in other words is another one to the engine
    engine.delete(old)
    assert engine.read(new)
    engine.delete(new)
    assert engine.read(new) is None


@pytest.mark.parametrize(("kind", "lost"), [(POOL, "slots"), (SERVER, "mlflow"), (IMAGE, "store")])
@pytest.mark.parametrize("all_of_it", [True, False])
def test_what_the_workspace_has_lost_is_made_again_and_that_is_told(
    engine: Plugin, tmp_path: Path, kind: str, lost: str, all_of_it: bool
) -> None:
    resource = made(engine, kind)
    assert engine.diff(resource, resource.inputs).changes == NONE
    shutil.rmtree(tmp_path / "ws" / ("" if all_of_it else lost))
    found = engine.diff(resource, resource.inputs)
    assert (found.changes, list(found.replaces)) == (SOME, [])
    assert any("is not there any more, and is made again" in line for line in engine.engine.lines())
    again = engine.update(resource, resource.inputs)
    assert again.outputs == resource.outputs
    assert engine.diff(again, again.inputs).changes == NONE


def test_a_project_that_was_moved_keeps_its_cluster(tmp_path: Path) -> None:
    with plugin(tmp_path / "here") as engine:
        pool = made(engine, POOL)
    (tmp_path / "here").rename(tmp_path / "there")
    with plugin(tmp_path / "there") as engine:
        checked, _ = engine.check(POOL, {**GIVEN[POOL], "max_nodes": 2})
        moved = engine.update(pool, checked)
        engine.delete(moved)
        assert engine.read(moved) is None


def test_two_projects_on_one_workspace_do_not_take_the_cluster_from_each_other(tmp_path: Path) -> None:
    shared = {"workspace": str(tmp_path / "shared")}
    with plugin(tmp_path / "one") as one, plugin(tmp_path / "two") as two:
        mine, theirs = made(one, POOL, **shared), made(two, POOL, **shared)
        checked, _ = one.check(POOL, {**GIVEN[POOL], **shared, "max_nodes": 2})
        with pytest.raises(Failed, match="which shares this workspace"):
            one.update(mine, checked)
        one.delete(mine)
        assert two.read(theirs)


def test_a_run_that_nobody_started_is_started_by_the_next_up(engine: Plugin, tmp_path: Path) -> None:
    """As after a power cut: two runs, one slot, and nobody who waits for the second."""
    os.mkfifo(tmp_path / "gate")
    made(engine, POOL)
    shared = {"command": ["sh", "-c", f"read line < '{tmp_path}/gate'"], "cluster": "gpu", "wait": False}
    checked, _ = engine.check(urn("Run", "first"), {**GIVEN[RUN], **shared, "run": "first"})
    first = engine.create(urn("Run", "first"), checked)
    target = LocalTarget(Workspace(tmp_path / "ws", tmp_path))
    until(lambda: target.attempts(first.id)[0].status is Status.RUNNING)
    queued = made(engine, RUN, **shared)
    until(lambda: Pool(target.workspace, "gpu").occupied() == [first.id, queued.id])
    processes.kill(processes.of(tmp_path / "ws"))

    with pytest.raises(Failed, match="was accepted and never started") as caught:
        engine.read(queued)
    assert caught.value.refresh
    known = Resource(RUN, queued.id, queued.inputs, caught.value.outputs)
    found = engine.diff(known, queued.inputs)
    assert (found.changes, list(found.diffs), list(found.replaces)) == (SOME, ["status"], [])
    started = engine.update(known, queued.inputs)
    assert started.outputs["name"] == queued.outputs["name"], "the same attempt, as if for the first time"
    (tmp_path / "gate").write_text("go\n")
    done = engine.update(started, {**queued.inputs, "wait": True})
    assert (done.outputs["status"], done.outputs["attempts"]) == ("Completed", 1)


def test_attempts_are_counted_by_the_last_one_even_when_an_early_record_is_gone(engine: Plugin, tmp_path: Path) -> None:
    with pytest.raises(Failed) as failed:
        made(engine, RUN, command=["false"], retries=1)
    assert failed.value.outputs["attempts"] == 2
    shutil.rmtree(tmp_path / "ws" / "runs" / failed.value.id)
    with pytest.raises(Failed) as read:
        engine.read(Resource(RUN, failed.value.id, GIVEN[RUN], failed.value.outputs))
    assert read.value.outputs["attempts"] == 2


@pytest.mark.parametrize("kind", [POOL, SERVER, IMAGE, RUN])
def test_an_import_is_refused_in_words(engine: Plugin, kind: str) -> None:
    with pytest.raises(Failed, match=r"are not imported: declare it in the program") as caught:
        engine.read(Resource(kind, "there"))
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "inputs", "at"),
    [
        (POOL, {"workspace": "w\0s"}, "workspace"),
        (POOL, {"max_nodes": 10**9}, "max_nodes"),
        (SERVER, {"workspace": "w\0s"}, "workspace"),
        (IMAGE, {"requirements": "r\0.txt"}, "requirements"),
        (IMAGE, {"workspace": "w\0s"}, "workspace"),
        (RUN, {"workspace": "w\0s", "command": ["true"]}, "workspace"),
        (RUN, {"job": "j\0b.yml"}, "job"),
        (RUN, {"command": ["python", "-u", "main.py"], "nodes": 2}, "nodes"),
    ],
)
def test_what_no_machine_can_do_is_refused_before_anything_is_done(
    engine: Plugin, kind: str, inputs: dict[str, Any], at: str
) -> None:
    _, failures = engine.check(kind, {**GIVEN[kind], **inputs})
    assert failures.keys() == {at}


def test_the_gpus_of_a_cluster_are_those_that_may_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '0\\n1\\n2\\n3\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert pools._gpus() == ["0", "1", "2", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 3")
    assert pools._gpus() == ["2", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert pools._gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    program.write_text("#!/bin/sh\nexit 9\n")
    assert pools._gpus() == []
