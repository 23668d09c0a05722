"""`trainup costs`: all attempts of a stack, summed up."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.runs.conftest import Records
from trainup.cli import costs as command
from trainup.cli.__main__ import main
from trainup.core.status import Status
from trainup.jobs.local.files import read_json, write_json
from trainup.jobs.target import Record


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["costs", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("columns", ["80", "160"])
def test_on_this_machine_time_is_told_and_nothing_costs(
    records: Records,
    state: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    first = records.add("digits", phases={"queued": 500, "preparing": 360, "running": 3240})
    records.add(
        "digits",
        inputs=1,
        status="Failed",
        phases={"running": 1800},
        failure={"message": "no", "failure_class": "user_code"},
    )
    records.add("pets", phases={"running": 36})
    records.add("pets", inputs=2, stack="other", phases={"running": 3600})
    definition = read_json(first.definition)
    write_json(first.definition, {**definition, "spec": {**definition["spec"], "nodes": 2}})
    state(first)
    assert said(capsys) == (
        "RUN     ATTEMPTS  NODE HOURS  COST (USD)\n"
        "digits  2         2.50        0.00\n"
        "pets    1         0.01        0.00\n"
        "total   3         2.51        0.00\n"
    )
    assert json.loads(said(capsys, "--json", "--by", "run"))[0] == {
        "run": "digits",
        "attempts": 2,
        "node_hours": 2.5,
        "cost": 0,
        "without_price": 0,
    }


def record(run: str, month: str, cost: float, price: float | None = 2.0, **tags: str) -> Record:
    given: dict[str, Any] = {"cost": cost, "node_price": price, "tags": tags, "phases": {"running": 3600 * cost / 2}}
    return Record(run, run, run, 1, "d", Status.COMPLETED, created=f"{month}-05T00:00:00Z", **given)


ON_AZURE = [
    record("digits", "2026-10", 4.0, team="vision"),
    record("digits", "2026-11", 2.5, team="vision"),
    record("pets", "2026-11", 0.25, team="audio"),
    record("score", "2026-11", 0.0, None),
]


@pytest.mark.parametrize(
    ("by", "table"),
    [
        (
            "month",
            "MONTH    ATTEMPTS  NODE HOURS  COST (USD)\n"
            "2026-10  1         2.00        4.00\n"
            "2026-11  3         1.38        2.75, and 1 of 3 attempts without a price\n"
            "total    4         3.38        6.75, and 1 of 4 attempts without a price\n",
        ),
        (
            "tag:team",
            "TEAM    ATTEMPTS  NODE HOURS  COST (USD)\n"
            "-       1         0.00        unknown: 1 of 1 attempts without a price\n"
            "audio   1         0.12        0.25\n"
            "vision  2         3.25        6.50\n"
            "total   4         3.38        6.75, and 1 of 4 attempts without a price\n",
        ),
    ],
)
def test_costs_are_told_by_month_and_by_the_users_tags(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, by: str, table: str
) -> None:
    monkeypatch.setattr(command, "_records", lambda stack: ON_AZURE)
    assert said(capsys, "--by", by) == table


def test_what_nothing_can_be_summed_up_by_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "--by", "colour"]) == 2
    assert "it is run, month, or a tag of the runs, as tag:team" in capsys.readouterr().err
