"""`trainup report`: the page, its file, and what is damaged."""

import re
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.cli.runs.conftest import Records
from trainup.cli.__main__ import main
from trainup.jobs.local import mlflow_server
from trainup.jobs.local.files import read_json, write_json
from trainup.jobs.local.workspace import RunFolder, Workspace

DEFAULT = ".trainup/reports/local.html"
METRICS = "CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)"


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert main(["report", *words]) == code
    return capsys.readouterr()


def text_of(page: Path) -> str:
    """The texts of the page in its order, without its scripts."""
    return " ".join(re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", page.read_text(), flags=re.DOTALL).split())


@pytest.fixture
def former(records: Records) -> RunFolder:
    return records.add("digits", 1, arguments=["--lr", "0.1"], metrics={"accuracy": 0.91}, phases={"running": 2.0})


@pytest.fixture
def now(records: Records, former: RunFolder, state: Callable[..., None]) -> RunFolder:
    folder = records.add("digits", 2, arguments=["--lr", "0.2"], metrics={"accuracy": 0.97}, phases={"running": 3.0})
    state(folder)
    return folder


def test_the_page_has_the_runs_and_what_changed_between_them(
    capsys: pytest.CaptureFixture[str], project: Path, former: RunFolder, now: RunFolder
) -> None:
    out, err = told(capsys)
    assert (out, err) == (f"{project / DEFAULT}\n", "")
    text = text_of(project / DEFAULT)
    assert f"digits: {former.name} → {now.name}" in text
    assert "accuracy 0.91 0.97 +0.06" in text
    assert f"Best accuracy 0.97, {now.name}" in text


def test_the_page_is_in_the_file_that_is_asked_for_and_replaced_as_a_whole(
    capsys: pytest.CaptureFixture[str], project: Path, now: RunFolder
) -> None:
    file = project / "out.html"
    file.write_text("former")
    assert told(capsys, "--out", "out.html")[0] == "out.html\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert sorted(path.name for path in project.glob("*.html*")) == ["out.html"]
    assert "there is no folder none" in told(capsys, "--out", "none/out.html", code=2)[1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: folder.definition.write_text("{"),
        lambda folder: folder.status.write_text('{"version": 1, "status": "Odd"}'),
        lambda folder: folder.status.write_text('{"version": 99, "status": "Completed"}'),
        lambda folder: folder.definition.write_text('{"version": 1, "spec": []}'),
        lambda folder: folder.status.write_bytes(b"\xff\0"),
    ],
)
def test_a_damaged_record_is_named_in_the_page_which_shows_the_rest(
    capsys: pytest.CaptureFixture[str],
    project: Path,
    records: Records,
    now: RunFolder,
    damage: Callable[[RunFolder], None],
) -> None:
    broken = records.add("digits", 9)
    damage(broken)
    told(capsys)
    text = text_of(project / DEFAULT)
    assert "Records that cannot be read" in text
    assert broken.name in text
    assert f"Best accuracy 0.97, {now.name}" in text


def test_runs_of_a_state_that_was_lost_are_in_the_page(
    capsys: pytest.CaptureFixture[str], project: Path, now: RunFolder, state: Callable[..., None]
) -> None:
    state()
    told(capsys)
    assert now.name in text_of(project / DEFAULT)


def test_a_stack_without_runs_has_a_page(
    capsys: pytest.CaptureFixture[str], project: Path, state: Callable[..., None]
) -> None:
    told(capsys)
    assert "The stack has no runs yet" in text_of(project / DEFAULT)


@pytest.fixture
def database(workspace: Workspace, now: RunFolder, former: RunFolder) -> Path:
    """MLflow's, of a server that does not run."""
    mlflow_server.configure(workspace, "image")
    path = workspace.mlflow / "mlflow.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute(METRICS)
        for run, number in ((now, 1), (former, 2)):
            values = [("loss", 1 / (step + number), 0, run.name, step, 0) for step in range(1000)]
            made.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", [*values, ("bad", 0, 0, run.name, 0, 1)])
            write_json(run.status, (read_json(run.status) or {}) | {"mlflow_run_id": run.name})
        made.commit()
    return path


def test_curves_are_those_of_mlflow_whose_server_need_not_run(
    capsys: pytest.CaptureFixture[str], project: Path, workspace: Workspace, now: RunFolder, database: Path
) -> None:
    told(capsys)
    assert f"{now.name} loss 1 0.001 0.001 1" in text_of(project / DEFAULT)
    assert not mlflow_server.is_running(workspace)


def test_curves_that_cannot_be_read_are_told_in_the_page(
    capsys: pytest.CaptureFixture[str], project: Path, now: RunFolder, database: Path
) -> None:
    database.write_text("no database")
    told(capsys)
    text = text_of(project / DEFAULT)
    assert "the curves cannot be read" in text
    assert f"Best accuracy 0.97, {now.name}" in text
