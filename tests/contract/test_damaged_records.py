"""A damaged record of one run stands in no other run's way, and says what is wrong with it and what to do."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support import processes
from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.cli import results
from trainup.cli.stack import Stack

# A real plugin, and runs in real processes.
pytestmark = pytest.mark.slow

GIVEN = {"target": "local", "workspace": ".trainup/test", "cluster": "gpu"}
RECORDS = ("run.json", "status.json")
PARTS = (*RECORDS, "supervisor.lock", "cancel", "logs/std_log.txt", ".")
BESIDE = ("snapshots.json", "test/claims.json", "test/slots/gpu/00000001-victim-0123456789ab.ticket")
"""Caches and tickets that no run's result depends on, below `.trainup`."""
VALUES = (None, True, -1, 5, 1e300, 10**400, "", "x", "\udc80", [], [1], {}, {"a": 1}, [[[[]]]])
FAILED = {
    "status": "Failed",
    "failure": {"failure_class": "user_code", "message": "no", "exit_code": 3, "signal": "SIGKILL"},
    "metrics": {"loss": 0.5, "other": "NaN"},
    "best": {"loss": 0.25},
    "tracking_error": "why",
}
DEEP = "[" * 200_000


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # an address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _unreadable(path: Path) -> None:
    path.write_text("{}")
    path.chmod(0)


PLACES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a folder with files": lambda path: (path.mkdir(), (path / "x").write_text("x")),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a terabyte": _sparse,
    "what nobody may read": _unreadable,
    "an empty file": lambda path: path.touch(),
    "bytes": lambda path: path.write_bytes(bytes(range(256))),
    "zeros": lambda path: path.write_bytes(bytes(4096)),
    "deep brackets": lambda path: path.write_text(DEEP),
    "deep maps": lambda path: path.write_text('{"version": 1, "a": ' + '{"a":' * 100_000),
    "a huge number": lambda path: path.write_text('{"version": 1, "attempt": ' + "9" * 10_000 + "}"),
    "another version": lambda path: path.write_text('{"version": 2}'),
    "nothing but a version": lambda path: path.write_text('{"version": 1}'),
    "null": lambda path: path.write_text("null"),
}


@dataclass
class House:
    """A project with two runs that have completed: one whose record will be damaged, and another."""

    project: Path
    engine: Plugin
    victim: Resource
    other: Resource

    @property
    def folder(self) -> Path:
        """The record of the one."""
        return self.project / ".trainup" / "test" / "runs" / self.victim.id

    def restore(self) -> None:
        """As it was before it was damaged."""
        for path in (self.folder, *(self.project / ".trainup" / name for name in BESIDE)):
            remove(path)
        shutil.copytree(self.project / "sound", self.folder, symlinks=True)

    def judge(self) -> None:
        """The other run goes on in every way; the damaged one is told, or is as it was."""
        self.judge_other()
        self.judge_victim()

    def judge_other(self) -> None:
        other, engine = self.other, self.engine
        checked, failures = engine.check(other.urn, inputs_of("other"))
        assert failures == {}
        assert list(engine.diff(other, checked).diffs) == []
        now = engine.read(other)
        assert now
        assert now.outputs["status"] == "Completed"
        assert engine.update(other, checked).outputs["name"] == other.id
        engine.delete(other)
        self.other = engine.create(other.urn, checked)
        assert (self.other.id, self.other.outputs["status"]) == (other.id, "Completed")
        assert self.other.outputs["attempts"] == 1
        self.judge_results()

    def judge_results(self) -> None:
        resources = [resource_of(one) for one in (self.victim, self.other)]
        told = results.merged(Stack("test", "trainup", resources), self.project)
        assert told["runs"]["other"]["status"] == "Completed"
        assert json.dumps(told, allow_nan=False)

    def judge_victim(self) -> None:
        checked, failures = self.engine.check(self.victim.urn, inputs_of("victim"))
        assert failures == {}, "a preview does not need the record"
        self.engine.diff(self.victim, checked)
        try:
            self.engine.read(self.victim)
        except Failed as failed:
            sound = f"{self.victim.id} Failed (user_code): ", f"{self.victim.id} is Failed"
            if not str(failed).startswith(sound):
                self.judge_sentence(failed)
                self.judge_partial(failed)
        try:
            self.engine.delete(self.victim)
        except Failed as failed:
            self.judge_sentence(failed)

    def judge_partial(self, failed: Failed) -> None:
        """It stays in the state as it was, and the refresh goes on."""
        assert (failed.id, failed.outputs["status"]) == (self.victim.id, "Completed")

    def judge_sentence(self, failed: Failed) -> None:
        """No traceback, and a place to look at."""
        assert failed.code is not grpc.StatusCode.INTERNAL, str(failed)
        assert "Traceback" not in str(failed)
        assert self.victim.id in str(failed)
        assert any(way in str(failed) for way in ("move", "use the trainup that wrote it")), str(failed)


def build(project: Path, engine: Plugin) -> House:
    made = engine.create(urn("Pool", "gpu"), {"workspace": ".trainup/test", "name": "gpu", "max_nodes": 2})
    assert made.id == "gpu"
    runs = []
    for name in ("victim", "other"):
        checked, failures = engine.check(urn("Run", name), inputs_of(name))
        assert failures == {}
        runs.append(engine.create(urn("Run", name), checked))
        assert runs[-1].outputs["status"] == "Completed"
    house = House(project, engine, *runs)
    shutil.copytree(house.folder, project / "sound", symlinks=True)
    return house


def inputs_of(run: str) -> dict[str, Any]:
    return {**GIVEN, "run": run, "source": "code", "command": ["sh", "-c", "echo hello"]}


def resource_of(run: Resource) -> dict[str, Any]:
    """As an export of the state has it."""
    state = {"type": "trainup:index:Run", "urn": run.urn, "id": run.id}
    return {**state, "inputs": run.inputs, "outputs": {"status": "Completed"}}


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    project = tmp_path_factory.mktemp("project")
    (project / "code").mkdir()
    (project / "code" / "main.py").write_text("print()\n")
    with plugin(project) as engine:
        yield build(project, engine)
    left = processes.left(project)
    processes.kill(left)
    assert left == []


@pytest.fixture
def house(built: House) -> Iterator[House]:
    yield built
    built.restore()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("what", PLACES)
def test_whatever_stands_in_the_place_of_a_part_of_the_record(house: House, part: str, what: str) -> None:
    path = house.folder / part
    remove(path)
    PLACES[what](path)
    house.judge()


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("what", PLACES)
def test_whatever_stands_in_the_place_of_what_lies_beside(house: House, name: str, what: str) -> None:
    path = house.project / ".trainup" / name
    remove(path)
    PLACES[what](path)
    house.judge()
    started = house.engine.check(urn("Run", "third"), {**inputs_of("third"), "rerun": f"{name}: {what}"})[0]
    third = house.engine.create(urn("Run", "third"), started)
    assert third.outputs["status"] == "Completed", "what waits in the same queue is not held up"


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The ways to every value in a record."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from places(item, (*at, key))


@pytest.mark.parametrize(("name", "told"), [("run.json", {}), ("status.json", {}), ("status.json", FAILED)])
def test_a_record_in_which_anything_is_of_another_kind_or_missing(
    house: House, name: str, told: dict[str, Any]
) -> None:
    sound = json.dumps({**json.loads((house.project / "sound" / name).read_text()), **told})
    for place in list(places(json.loads(sound))):
        for value in (*VALUES, remove):
            record = json.loads(sound)
            *above, last = place
            inside = record
            for key in above:
                inside = inside[key]
            if value is remove:
                del inside[last]
            else:
                inside[last] = value
            (house.folder / name).write_text(json.dumps(record))
            house.judge_victim()
            house.judge_results()
            house.restore()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.sampled_from(RECORDS), at=st.floats(0, 1), noise=st.binary(max_size=20))
@example(name="run.json", at=0.0, noise=b"")
@example(name="status.json", at=0.5, noise=b"\xff\xfe")
def test_a_record_that_was_cut_off_or_written_over_anywhere(house: House, name: str, at: float, noise: bytes) -> None:
    content = (house.project / "sound" / name).read_bytes()
    cut = int(len(content) * at)
    for damaged in (content[:cut] + noise, content[:cut] + noise + content[cut + len(noise) :]):
        (house.folder / name).write_bytes(damaged)
        house.judge()
        house.restore()
