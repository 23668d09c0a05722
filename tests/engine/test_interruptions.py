"""Commands that are interrupted, killed or run side by side, and machines that go down: no run is lost or doubled."""

import json
import signal

import pytest

from tests.engine import scripts
from tests.engine.ledger import latest, records
from tests.support import processes
from tests.support.project import Project
from tests.support.waiting import until
from trainup.core.status import Status

pytestmark = pytest.mark.engine


def test_after_ctrl_c_the_run_goes_on_and_the_next_up_attaches(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    interrupted = scripts.begun(project)
    interrupted.interrupt()
    assert interrupted.finish().code != 0

    finished = scripts.see_through(project)
    assert "going on" in finished.text
    assert scripts.starts(project) == 1
    assert project.up("--expect-no-changes").is_empty
    assert project.destroy().code == 0
    assert project.left_running() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_after_a_time_out_or_a_lost_terminal_the_run_goes_on_and_the_next_up_attaches(
    project: Project, number: signal.Signals
) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    ended = scripts.begun(project)
    ended.signal_group(number)
    assert ended.finish().code != 0
    project.unlock()
    scripts.see_through(project)
    assert scripts.starts(project) == 1


def test_on_interrupt_cancel_stops_the_run(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project, on_interrupt="cancel")})
    running = scripts.begun(project)
    running.interrupt()
    assert running.finish().code != 0
    assert [record.status for record in records(project)] == [Status.CANCELED]
    assert project.left_running() == []


def test_after_kill_9_of_the_cli_the_run_goes_on_and_the_next_up_attaches(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    killed = scripts.begun(project)
    killed.kill()
    killed.finish()

    assert "locked" in project.up().text
    project.unlock()
    scripts.see_through(project)
    assert scripts.starts(project) == 1
    assert project.up("--expect-no-changes").is_empty


def test_an_edit_after_kill_9_cancels_the_run_that_no_state_knows(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    killed = scripts.begun(project)
    killed.kill()
    killed.finish()
    project.unlock()

    project.script(scripts.WITH_METRICS)
    project.configure(runs={"tiny": scripts.run_of(project, arguments=["0.5"])})
    again = project.up()
    assert again.code == 0, again.text
    assert [record.status for record in records(project)] == [Status.CANCELED, Status.COMPLETED]
    assert project.up("--expect-no-changes").is_empty


@pytest.mark.parametrize("mended", [True, False], ids=["by our command", "by pulumi alone"])
def test_destroy_after_kill_9_ends_the_run_that_no_state_knows(project: Project, mended: bool) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    killed = scripts.begun(project)
    killed.kill()
    killed.finish()
    project.unlock(mend=mended)
    assert bool(project.state().get("pending_operations")) is not mended
    destroyed = project.destroy()
    assert destroyed.code == 0, destroyed.text
    assert [record.status for record in records(project)] == [Status.CANCELED]
    assert project.left_running() == []


def test_what_was_pending_when_a_command_was_killed_is_resolved_by_the_next_one(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    killed = scripts.begun(project)
    killed.kill()
    killed.finish()
    project.unlock()
    refreshed = project.refresh()
    assert "pending" not in refreshed.text
    assert project.resource("tiny")["outputs"]["status"] == "Running"
    scripts.see_through(project)
    assert scripts.starts(project) == 1
    assert project.up("--expect-no-changes").is_empty
    assert project.refresh().is_empty


def test_a_run_goes_on_without_the_plugin_and_the_next_up_attaches(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    running = scripts.begun(project)
    processes.kill(process for process in processes.of(project.folder) if "trainup.provider" in process.cmdline())
    assert running.finish().code != 0
    scripts.see_through(project)
    assert scripts.starts(project) == 1


def test_a_run_that_waited_in_the_queue_when_the_machine_went_down_is_started_by_the_next_up(project: Project) -> None:
    project.script(scripts.WAITING)
    runs = {name: scripts.run_of(project, name=name, wait=False) for name in ("one", "two")}
    project.configure(runs=runs)
    assert project.up().code == 0
    until(lambda: sorted(record.status for record in records(project)) == [Status.QUEUED, Status.RUNNING])
    (running,) = _running(project)
    until(lambda: scripts.starts(project, running) == 1)
    (queued,) = runs.keys() - {running}
    processes.kill(processes.of(project.folder))

    assert project.up().code == 0
    closed = set(runs)
    while closed:  # which of the two is first in the new queue is nobody's promise
        until(lambda: closed & _running(project))
        (first,) = closed & _running(project)
        scripts.open_gate(project, first)
        closed.remove(first)
    until(lambda: {record.status for record in latest(project)} == {Status.COMPLETED})
    assert project.up().code == 0
    assert {run["status"] for run in project.output()["runs"].values()} == {"Completed"}
    assert (scripts.starts(project, queued), scripts.starts(project, running)) == (1, 2)


def test_two_clis_at_once_start_one_run(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project)})
    first = scripts.begun(project)
    second = project.up()
    assert second.code != 0
    assert "locked" in second.text
    project.unlock()
    assert "locked" in project.up().text, "the lock of a living command is never cleared"
    scripts.open_gate(project)
    assert first.finish().code == 0
    assert scripts.starts(project) == 1


def test_a_run_that_is_active_on_another_machine_is_refused_with_the_way_out(project: Project) -> None:
    project.script(scripts.WAITING)
    project.configure(runs={"tiny": scripts.run_of(project, wait=False)})
    assert project.up().code == 0
    processes.kill(processes.of(project.folder))  # what runs on another machine cannot be seen from here
    file = project.records()[0]
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "machine": "elsewhere", "boot": "another"}))
    refused = project.up()
    assert refused.code != 0
    assert "active on another machine" in refused.text
    assert "remove that folder" in refused.text
    assert json.loads(file.read_text())["machine"] == "elsewhere", "nothing was overwritten"
    assert scripts.starts(project) <= 1


def _running(project: Project) -> set[str]:
    """The names of the runs that are running."""
    return {record.run for record in latest(project) if record.status is Status.RUNNING}
