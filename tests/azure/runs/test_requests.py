"""What is asked of Azure to start a run: as little as can be, at once where it can be, and nothing out of date."""

import io
import tarfile
import threading
from collections import Counter

import pytest

from tests.azure.runs.conftest import World
from tests.support.waiting import until
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.azure.registry.builds import BuildStatus, Order, RegistryBuilds
from trainup.simulator.cloud.faults import Fault

SECONDS = 60


def asked(world: World, since: int = 0) -> list[tuple[str, str, str]]:
    """Method, last words of the path, and the tag asked for, of every request to the resource manager."""
    found = [entry for entry in world.azure.journal.entries[since:] if "/workspaces/team/" in entry.path]
    return [(entry.method, entry.path.partition("/workspaces/team/")[2], entry.query.get("tag", "")) for entry in found]


def test_nothing_is_asked_twice_to_start_a_run(world: World) -> None:
    world.write(main__sh="true")
    lifecycle.start(world.target(), world.job(command=["bash", "main.sh"], source="code"))
    assert max(Counter(asked(world)).values()) == 1


def test_what_has_to_be_known_to_start_a_run_is_asked_at_once(world: World) -> None:
    world.write(main__sh="true")
    world.run(world.job("first", command=["bash", "main.sh"], source="code"))
    job = world.job("second", command=["bash", "main.sh"], source="code")
    before = len(world.azure.journal.entries)
    together = threading.Barrier(5, timeout=SECONDS)  # nobody is answered until all are here
    for path, times in (("*/jobs", 2), (f"*/jobs/{job.id}", 1), ("*/computes/*", 1), ("*/codes/*/versions", 1)):
        world.azure.faults.add(Fault("GET", path=path, times=times, call=lambda: together.wait() and None))
    lifecycle.start(world.target(), job)
    assert [method for method, *_ in asked(world, before)] == ["GET"] * 5 + ["PUT"]


def test_a_run_that_took_long_to_cancel_is_followed_by_a_new_look(world: World) -> None:
    first, second = world.shell("sleep 600"), world.shell("true")
    target = world.target()
    lifecycle.start(target, first)
    before = len(world.azure.journal.entries)
    # Meanwhile somebody else starts the very run that is to follow.
    other = world.target()
    world.azure.faults.add(
        Fault("POST", path="*/cancel", call=lambda: other.launch(other.claim(second, 1), second) and None)
    )
    record = lifecycle.start(world.target(), second)
    assert record.name == second.id
    words = asked(world, before)
    canceled = next(place for place, (method, path, _) in enumerate(words) if path.endswith("/cancel"))
    assert [tag for method, path, tag in words[canceled:] if path == "jobs"], "the jobs are listed anew"
    assert world.names() == sorted([first.id, second.id])


def test_a_run_that_is_taken_over_keeps_what_was_written_on_it_meanwhile(world: World) -> None:
    job = world.shell("sleep 600")
    lifecycle.start(world.target(), job)
    id, before = f"{world.sample.workspace}/jobs/{job.id}", len(world.azure.journal.entries)

    def in_the_studio() -> None:
        until(lambda: ("GET", f"jobs/{job.id}", "") in asked(world, before))
        tags = world.azure.get(id)["properties"]["tags"]
        world.azure.amend(id, {"properties.tags": {**tags, "seen": "by me"}})

    world.azure.faults.add(Fault("GET", path="*/jobs", call=in_the_studio))
    other = world.job("pets", token="t2", stack="prod", command=["bash", "-c", "sleep 600"])
    record = lifecycle.start(world.target(), other)
    assert record.status in (Status.QUEUED, Status.PREPARING, Status.RUNNING)
    assert world.azure.get(id)["properties"]["tags"]["seen"] == "by me"


class Stop(threading.Event):
    """Never set; notes how long somebody wanted to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        return super().wait(0)


def test_a_build_is_looked_at_as_often_as_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZUREML_RUN_POLLING_INTERVAL_MIN", "0.25")
    builds = RegistryBuilds(world.client(), world.sample.registry)
    context, dockerfile = io.BytesIO(), b"FROM scratch\n"
    with tarfile.open(fileobj=context, mode="w:gz") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile))
    looked = threading.Event()
    world.azure.faults.add(Fault("BUILD", call=lambda: looked.wait(SECONDS) and None))
    order = Order(builds.upload(context), "Dockerfile", "pets:1", {}, "linux/amd64", 300)
    build, stop = builds.schedule(order), Stop()
    world.azure.faults.add(Fault("GET", path=f"*/runs/{build.id}", skip=1, call=looked.set))
    ended = builds.follow(build.id, lambda lines: None, lambda build: None, stop)
    assert ended.status is BuildStatus.SUCCEEDED
    assert set(stop.pauses) == {0.25}
