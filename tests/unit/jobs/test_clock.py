"""A clock that is set back while runs are under way: order and lengths stay what they were."""

import datetime
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainup.jobs import downloads
from trainup.jobs.azure.job import phases
from trainup.jobs.local import ledger
from trainup.jobs.local.files import read_json
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.tracking import Tracking
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import File, Job


@pytest.fixture
def set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock tells an hour less than the one before."""
    looks = iter(range(10_000))
    now = time.time()

    class Moment(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return datetime.datetime.fromtimestamp(now - 3600 * next(looks), tz)

    monkeypatch.setattr(ledger.datetime, "datetime", Moment)
    monkeypatch.setattr(time, "time", lambda: now - 3600 * next(looks))
    monkeypatch.setattr(time, "time_ns", lambda: int((now - 3600 * next(looks)) * 1e9))


def number_of(folder: RunFolder) -> int:
    return int((read_json(folder.definition) or {})["number"])


@pytest.mark.usefixtures("set_back")
def test_later_claims_have_higher_numbers(workspace: Workspace, job: Callable[..., Job]) -> None:
    claimed = [ledger.claim(workspace, job(run), attempt) for run in ("b", "a") for attempt in (1, 2)]
    assert [number_of(folder) for folder in claimed] == [1, 2, 3, 4]
    created = [(read_json(folder.definition) or {})["created"] for folder in claimed]
    assert created == sorted(created, reverse=True)


@pytest.mark.usefixtures("set_back")
def test_attempts_are_told_in_their_order(workspace: Workspace, job: Callable[..., Job]) -> None:
    wanted = job()
    for attempt in range(1, 13):
        ledger.claim(workspace, wanted, attempt)
    assert [record.attempt for record in LocalTarget(workspace).attempts(wanted.id)] == list(range(1, 13))


@pytest.mark.parametrize("content", [None, "", "{", '{"version": 1}', '{"version": 1, "last": "x"}', '{"version": 9}'])
def test_the_numbers_go_on_where_the_last_one_was_lost(
    workspace: Workspace, job: Callable[..., Job], content: str | None
) -> None:
    first = ledger.claim(workspace, job("a"), 1)
    if content is None:
        workspace.claims.unlink()
    else:
        workspace.claims.write_text(content)
    broken = ledger.claim(workspace, job("b"), 1)
    broken.definition.write_text("{")  # one whose number cannot be read is in nobody's way
    assert number_of(ledger.claim(workspace, job("c"), 1)) == number_of(first) + 2


def test_a_run_that_is_adopted_again_is_the_last_one(workspace: Workspace, job: Callable[..., Job]) -> None:
    first, second = job(command=("a",)), job(command=("b",))
    target = LocalTarget(workspace)
    records = [target.claim(one, 1) for one in (first, second)]
    assert target.adopt(records[0], first)
    numbers = [record.number for name in records if (record := target.get(name.name))]
    assert numbers == [3, 2]


def test_a_run_that_is_anothers_too_keeps_its_place(workspace: Workspace, job: Callable[..., Job]) -> None:
    target = LocalTarget(workspace)
    record = target.claim(job(), 1)
    target.adopt(record, job(urn="urn:pulumi:other::trainup::trainup:index:Run::digits", token="t2"))
    again = target.get(record.name)
    assert again
    assert (again.number, len(again.owners)) == (1, 2)


def test_the_phases_of_a_run_on_azure_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = phases.steady_now()
    monkeypatch.setattr(time, "time", lambda: before - 86_400)
    assert before <= phases.steady_now() < before + 60


@pytest.fixture
def mlflow() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Address of an MLflow server whose one run began in the year 2100, and what it is told."""
    told: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"run": {"info": {"start_time": 4102444800000}, "data": {}}})

        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer({})

        def _answer(self, body: dict[str, Any]) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", told
        server.shutdown()
        thread.join()


def test_no_run_ends_in_mlflow_before_it_began(mlflow: tuple[str, list[dict[str, Any]]]) -> None:
    address, told = mlflow
    client = Tracking(address)
    client.end_run("r", "FINISHED", client.run("r").started)
    assert told == [{"run_id": "r", "status": "FINISHED", "end_time": 4102444800000}]


@pytest.mark.parametrize("later", [0.25, -0.25, -3600.0])
def test_the_files_of_another_attempt_are_fetched_again(tmp_path: Path, later: float) -> None:
    def file(text: bytes, modified: float) -> File:
        return File("model.pkl", len(text), modified, lambda: [text])

    downloads.download([file(b"first", 1795564800.5)], tmp_path)
    downloads.download([file(b"again", 1795564800.5 + later)], tmp_path)
    assert (tmp_path / "model.pkl").read_bytes() == b"again"
    downloads.download([file(b"never", 1795564800.5 + later)], tmp_path)
    assert (tmp_path / "model.pkl").read_bytes() == b"again", "one that is there is left alone"
