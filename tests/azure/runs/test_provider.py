"""Runs on Azure through the plugin, as the engine drives it."""

import hashlib
import json
import threading
from typing import Any

import pytest

from tests.azure.runs.conftest import World
from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.core.values import UNKNOWN, Secret
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.refusal import Refused

RUN = urn("Run", "pets")
PLANTED = "pl4nted-v4lue"


def given(world: World, **inputs: Any) -> dict[str, Any]:
    return {
        "run": "pets",
        "target": "azure",
        "workspace": world.sample.workspace,
        "cluster": world.sample.cluster,
        "image": "fastai2:1",
        "environment": world.sample.environment,
        **inputs,
    }


def checked(engine: Plugin, world: World, **inputs: Any) -> dict[str, Any]:
    found, failures = engine.check(RUN, given(world, **inputs))
    assert failures == {}
    return found


def shell(text: str) -> dict[str, Any]:
    return {"command": ["bash", "-c", text]}


def creating(engine: Plugin, inputs: dict[str, Any]) -> tuple[threading.Thread, list[Failed]]:
    """A create in a thread of its own; the list gets its error."""
    failed: list[Failed] = []

    def create() -> None:
        try:
            engine.create(RUN, inputs)
        except Failed as error:
            failed.append(error)

    thread = threading.Thread(target=create)
    thread.start()
    return thread, failed


def test_a_run_is_previewed_trained_read_and_deleted(world: World, engine: Plugin) -> None:
    world.write(train__py="print('trained')")
    inputs = checked(engine, world, source="code", script="train.py")
    before = len(world.azure.journal.entries)
    planned = engine.plan(RUN, inputs)
    assert (planned["status"], planned["digest"]) == (UNKNOWN, inputs["digest"])
    asked = [entry.path for entry in world.azure.journal.entries[before:]]
    asked = [path for path in asked if not path.startswith(("/metadata/", "/msi/"))]
    assert len(asked) == 1, "a preview asks only whether the workspace has the code"
    assert "/codes/" in asked[0]
    assert "code (code): 1 file, 16 B; 16 B travel" in engine.engine.lines()
    made = engine.create(RUN, inputs)
    assert made.outputs["status"] == "Completed"
    assert "trained" in engine.engine.lines()
    read = engine.read(made)
    assert read is not None
    assert read.outputs == made.outputs
    assert not engine.diff(made, checked(engine, world, source="code", script="train.py")).diffs
    engine.delete(made)
    assert len(world.jobs()) == 1, "the record is kept"


def test_a_failure_keeps_id_and_outputs_and_says_everything_there_is_to_say(world: World, engine: Plugin) -> None:
    with pytest.raises(Failed) as failed:
        engine.create(RUN, checked(engine, world, **shell("echo about to fail; exit 3")))
    told = str(failed.value)
    assert failed.value.id in world.names()
    assert failed.value.outputs["failure"]["failure_class"] == "user_code"
    for part in ("about to fail", "docker run", "read the log", "/runs/"):
        assert part in told


def test_a_run_that_can_not_be_watched_any_more_is_kept_and_can_be_destroyed(world: World, engine: Plugin) -> None:
    """The role, the login or the service was lost after the job had been started."""
    lost = Refused(403, "AuthorizationFailed", "The client does not have authorization to perform this action")
    world.azure.faults.add(Fault("GET", path="*/details", error=lost))
    inputs = checked(engine, world, **shell("sleep 600"))
    with pytest.raises(Failed, match="AuthorizationFailed") as failed:
        engine.create(RUN, inputs)
    assert (failed.value.id, failed.value.refresh) == (world.names()[0], True)
    kept = Resource(RUN, failed.value.id, inputs, failed.value.outputs)
    engine.delete(kept)
    assert world.jobs()[0]["properties"]["status"] == "Canceled"


def test_ctrl_c_leaves_the_run_alone_and_the_next_up_attaches(world: World, engine: Plugin) -> None:
    go = world.project / "go"
    inputs = checked(engine, world, **shell(f"echo started; while [ ! -e {go} ]; do sleep 0.05; done; echo ended"))
    waiting, failed = creating(engine, inputs)
    engine.engine.wait_for("started")
    engine.cancel()
    waiting.join()
    assert failed[0].refresh
    with plugin(world.project) as later:
        kept = Resource(RUN, failed[0].id, inputs, failed[0].outputs)
        ended: list[Resource] = []
        thread = threading.Thread(target=lambda: ended.append(later.update(kept, inputs)))
        thread.start()
        later.engine.wait_for("started")
        go.touch()
        thread.join()
        assert ended[0].outputs["status"] == "Completed"
        assert later.engine.lines().count("ended") == 1
    assert len(world.jobs()) == 1


def test_ctrl_c_is_heard_while_a_role_is_waited_for_and_nothing_is_started(world: World, engine: Plugin) -> None:
    world.write(train__py="print('trained')")
    missing = Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized")
    world.azure.faults.add(Fault("PUT", path="*/code/train.py", error=missing))
    inputs = checked(engine, world, source="code", script="train.py")
    waiting, failed = creating(engine, inputs)
    engine.engine.wait_for("waiting for the role on the workspace's storage")
    engine.cancel()
    waiting.join()
    assert "was interrupted, and nothing was started" in str(failed[0])
    assert (failed[0].id, world.jobs()) == ("", [])


def test_secrets_reach_the_script_and_nothing_else(world: World, engine: Plugin) -> None:
    world.open_vault()
    hostile = 'it\'s a $HOME "`id`" \\ \nsecond line'
    text = 'printf %s "$TOKEN" | sha256sum; env | grep -c TRAINUP_SECRETS; echo "other: $OTHER"'
    inputs = checked(engine, world, **shell(text), secrets={"TOKEN": Secret(hostile), "OTHER": Secret(PLANTED)})
    made = engine.create(RUN, {**inputs, "on_failure": "keep"})
    lines = engine.engine.lines()
    assert f"{hashlib.sha256(hostile.encode()).hexdigest()}  -" in lines
    assert "other: ***" in lines, "printed all the same, it is masked for whoever watches"
    (job,) = world.jobs()
    seen = json.dumps(job) + json.dumps(made.outputs) + "\n".join(lines)
    seen += "".join(path.read_text() for path in (world.azure.bodies or world.project).iterdir())
    assert PLANTED not in seen
    assert json.dumps(hostile)[1:-1] not in seen
    # With the resource, the values go as well; and a name that was used comes back from the deleted ones.
    engine.delete(made)
    with plugin(world.project) as later:
        again, _ = later.check(RUN, {**inputs, "rerun": "1"})
        assert later.create(RUN, {**inputs, "rerun": "1", "digest": again["digest"]}).outputs["status"] == "Completed"


def test_a_lost_answer_to_the_start_of_a_job_starts_no_second_one(world: World, engine: Plugin) -> None:
    world.azure.faults.add(Fault(method="PUT", path="*/jobs/*", cut=Cut.AFTER))
    made = engine.create(RUN, checked(engine, world, **shell("true")))
    assert made.outputs["status"] == "Completed"
    assert world.names() == [made.id]
