"""Whose a run is, and what becomes of it when nobody wants it any more."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from tests.azure.runs.conftest import World
from tests.support.waiting import until
from trainup.core.choices import OnDelete
from trainup.core.status import Status
from trainup.core.values import Secret
from trainup.jobs import lifecycle
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.body import checkpoints_uri
from trainup.jobs.azure.job.jobs import Jobs
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.target import Owner, TargetError
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused


def tokens(world: World) -> set[str]:
    """Whose the only job is, as Azure keeps it."""
    (job,) = world.jobs()
    return {owner.token for owner in labels.owners(job["properties"]["tags"])}


def checkpoints(world: World, identity: str) -> list[str]:
    path = checkpoints_uri(identity).split("/paths/")[1]
    store = world.azure.find(f"{world.sample.workspace}/datastores/workspaceblobstore")
    assert store is not None
    own = store["properties"]
    return [name for name, _ in world.azure.storage.list(own["accountName"], own["containerName"], path)]


@pytest.mark.parametrize("on_delete", list(OnDelete))
def test_releasing_does_as_it_is_told(world: World, on_delete: OnDelete) -> None:
    job = world.shell('echo 1 > "$TRAINUP_CHECKPOINT_DIR/epoch"')
    world.run(job)
    assert checkpoints(world, job.id)
    world.target().release(job.id, job.owner, on_delete)
    left = {job["name"]: job["properties"].get("isArchived", False) for job in world.jobs()}
    expected = {OnDelete.KEEP: {job.id: False}, OnDelete.ARCHIVE: {job.id: True}, OnDelete.DELETE: {}}
    assert left == expected[on_delete]
    assert bool(checkpoints(world, job.id)) == (on_delete is not OnDelete.DELETE)


@pytest.mark.parametrize("on_delete", list(OnDelete))
def test_a_run_that_goes_on_is_canceled_before_anything_else(world: World, on_delete: OnDelete) -> None:
    job = world.shell("sleep 600")
    target = world.target()
    record = lifecycle.start(target, job)
    target.release(job.id, job.owner, on_delete)
    ended = world.target().get(record.name)
    if on_delete is OnDelete.DELETE:
        assert ended is None
    else:
        assert ended is not None
        assert ended.failure is not None
        assert (ended.status, "its resource was removed" in ended.failure.message) == (Status.CANCELED, True)


@pytest.mark.parametrize("on_delete", [OnDelete.KEEP, OnDelete.DELETE])
def test_what_breaks_off_a_release_is_made_good_by_the_next(world: World, on_delete: OnDelete) -> None:
    """The n-th request of the release fails for good, for every n."""
    vault = world.open_vault()
    broken = Refused(501, "NotImplemented", "not now")  # nobody repeats a request for this
    number, interrupted = 0, True
    while interrupted:
        text = f'touch "$TRAINUP_CHECKPOINT_DIR/1"; touch {world.project}/started-{number}; sleep 600'
        job = world.shell(text, run=f"r{number}", secrets={"TOKEN": Secret("12345678")})
        target = world.target()
        record = lifecycle.start(target, job)
        until((world.project / f"started-{number}").exists)
        world.azure.faults.add(Fault(path="*", skip=number, error=broken))
        with suppress(TargetError):
            target.release(job.id, job.owner, on_delete)
        interrupted = not world.azure.faults.unused()
        world.azure.faults.clear()
        world.target().release(job.id, job.owner, on_delete)
        left = {found["name"]: found["properties"] for found in world.jobs() if found["name"] == record.name}
        if on_delete is OnDelete.DELETE:
            assert left == {}, number
            assert checkpoints(world, job.id) == [], number
        else:
            own = left[record.name]
            assert (own["status"], labels.owners(own["tags"])) == ("Canceled", ()), number
        assert world.azure.vaults.names(vault) == [], number
        number += 1
    assert number > 8


def test_who_does_not_own_a_run_releases_nothing(world: World) -> None:
    job = world.shell("sleep 600")
    target = world.target()
    record = lifecycle.start(target, job)
    target.release(job.id, replace(job.owner, token="an older one"), OnDelete.DELETE)
    target.release(job.id, Owner("urn:pulumi:x::y::z::w", job.owner.token), OnDelete.DELETE)
    now = target.get(record.name)
    assert now is not None
    assert not now.status.is_terminal
    target.cancel(record.name, "the test is over")


def test_a_run_that_another_stack_has_adopted_stays(world: World) -> None:
    first, second = world.shell("sleep 600"), world.shell("sleep 600", stack="prod", token="t2")
    target = world.target()
    record = lifecycle.start(target, first)
    shared = lifecycle.start(world.target(), second)
    assert {owner.token for owner in shared.owners} == tokens(world) == {"t1", "t2"}
    target.release(first.id, first.owner, OnDelete.DELETE)
    now = world.target().get(record.name)
    assert now is not None
    assert not now.status.is_terminal
    assert [owner.token for owner in now.owners] == ["t2"]
    world.target().release(second.id, second.owner, OnDelete.DELETE)
    assert world.jobs() == []


def test_attaching_changes_nothing_of_the_run_but_whose_it_is(world: World) -> None:
    first, second = world.shell("sleep 600"), world.shell("sleep 600", stack="prod", token="t2")
    record = lifecycle.start(world.target(), first)
    until(lambda: world.jobs()[0]["properties"]["status"] == "Running")
    Jobs(Workspace(world.client(), world.sample.workspace), 0).tag(record.name, {"seen-by": "somebody in the studio"})
    world.azure.delete(world.sample.cluster)
    before = len(world.azure.journal.entries)
    lifecycle.start(world.target(), second)
    written = [(entry.method, entry.path) for entry in world.azure.journal.entries[before:] if entry.method != "GET"]
    assert written == [("PUT", f"{world.sample.workspace}/jobs/{record.name}")], "the two tags of its ownership"
    assert world.jobs()[0]["properties"]["tags"]["seen-by"] == "somebody in the studio"
    assert tokens(world) == {"t1", "t2"}


@pytest.mark.parametrize("timeout", ["1h", "2h"])
@pytest.mark.parametrize(
    "inputs", [{}, {"command": None, "job": "job.yml", "definition": {"shell_command": "sleep 9"}}]
)
def test_who_starts_a_run_that_was_started_a_moment_ago_shares_it(
    world: World, timeout: str, inputs: dict[str, Any]
) -> None:
    """The request that starts it arrives when another stack's has just been carried out."""
    first, second = (
        world.job(**{"command": ["sleep", "9"], "token": token, "stack": token, "timeout": limit, **inputs})
        for token, limit in (("t1", "1h"), ("t2", timeout))
    )
    start = lambda: lifecycle.start(world.target(), first) and None  # noqa: E731
    world.azure.faults.add(Fault("PUT", path="*/jobs/*", call=start))
    record = lifecycle.start(world.target(), second)
    assert {owner.token for owner in record.owners} == tokens(world) == {"t1", "t2"}


def test_the_late_delete_of_a_predecessor_takes_nothing(world: World) -> None:
    """A replacement that was reverted: the same resource was created again, under a new token."""
    old, new = world.shell("true", token="old"), world.shell("true", token="new")
    world.run(old)
    world.run(new)
    world.target().release(old.id, old.owner, OnDelete.DELETE)
    assert len(world.jobs()) == 1


def test_an_archived_run_that_is_wanted_again_is_brought_back(world: World) -> None:
    job = world.shell("true")
    world.run(job)
    world.target().release(job.id, job.owner, OnDelete.ARCHIVE)
    record, _ = world.run(job)
    assert (record.status, record.attempt) == (Status.COMPLETED, 1)
    assert not world.jobs()[0]["properties"]["isArchived"]


def test_tags_and_description_are_changed_in_place(world: World) -> None:
    world.run(world.shell("true"))
    record, _ = world.run(world.shell("true", tags={"team": "vision"}, description="why", display_name="pets"))
    (job,) = world.jobs()
    assert record.attempt == 1
    assert job["properties"]["tags"]["team"] == "vision"
    assert (job["properties"]["description"], job["properties"]["displayName"]) == ("why", "pets")


def test_policy_that_a_job_keeps_once_it_is_started_is_told(world: World) -> None:
    first = {"timeout": "1h", "shm_size": "8g", "experiment_name": "pets", "retries": 1}
    record = lifecycle.start(world.target(), world.shell("sleep 600", **first))
    told: list[str] = []

    def attach(**policy: Any) -> list[str]:
        told.clear()
        target = world.target()
        target.submission.progress = told.append
        lifecycle.start(target, world.shell("sleep 600", **policy))
        return told

    assert attach(**first) == []
    assert attach(**{**first, "timeout": "60m", "retries": 2, "display_name": "x"}) == [], "nothing that it keeps"
    (said,) = attach(timeout="1s", shm_size="4g", experiment_name="pets")
    assert said.startswith(f"{record.name} was started before timeout and shm_size were changed, and keeps")
    assert world.jobs()[0]["properties"]["limits"]["timeout"] == "PT1H"
    assert world.jobs()[0]["properties"]["displayName"] == "x"


def test_nothing_is_left_to_do_where_the_workspace_is_gone(world: World) -> None:
    job = world.shell("true")
    world.run(job)
    world.azure.delete(world.sample.workspace)
    world.target().release(job.id, job.owner, OnDelete.DELETE)
    assert world.target().attempts(job.id) == []
