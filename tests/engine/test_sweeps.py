"""Sweeps on this machine, by the real engine: trials train once, side by side as far as there are slots."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.ledger import records
from tests.support import browser
from tests.support.logging_script import HOPELESS, PRUNED
from tests.support.project import Project
from tests.support.waiting import until

pytestmark = pytest.mark.engine

TRIAL = """\
import json, os, pathlib, sys, time
folder, rate, depth = pathlib.Path(os.environ["TALLY"]), float(sys.argv[1]), int(sys.argv[2])
mark = folder / f"{rate}-{depth}-{os.getpid()}"
mark.write_text("begun")
(folder / f"{mark.name}.seen").write_text(str(sum(one.read_text() == "begun" for one in folder.glob("*-*-*[0-9]"))))
if (folder / "gate").exists() and rate >= float((folder / "gate").read_text()):
    while not (folder / "open").exists():
        time.sleep(0.05)
time.sleep(0.2)
mark.write_text("ended")
outputs = pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"])
(outputs / "metrics.json").write_text(json.dumps({"accuracy": rate + depth / 100}))
(outputs / "model.txt").write_text(f"{rate} {depth}")
print(rate, depth)
"""
SPACE = {"rate": [0.1, 0.2, 0.3, 0.4], "depth": [1, 2, 3]}


def declared(space: dict[str, Any] = SPACE, **more: Any) -> dict[str, Any]:
    """A sweep over rates and depths."""
    return {
        "sampling_algorithm": "grid",
        "search_space": space,
        "objective": {"primary_metric": "accuracy", "goal": "maximize"},
        **more,
    }


class Swept:
    """A project with a sweep whose trials leave a mark each."""

    def __init__(self, project: Project) -> None:
        self.project, self.tally = project, project.folder / "tally"
        self.tally.mkdir()
        project.script(TRIAL)

    def configure(self, sweep: dict[str, Any], runs: dict[str, Any] | None = None, **more: Any) -> None:
        run = {
            "source": "code",
            "script": "main.py",
            "arguments": ["${{search_space.rate}}", "${{search_space.depth}}"],
            "environment_variables": {"TALLY": str(self.tally)},
            "sweep": sweep,
            **more,
        }
        self.project.configure(cluster={"max_nodes": 2}, runs={"rates": run, **(runs or {})})

    def starts(self) -> list[str]:
        """Rate and depth of every start."""
        return sorted(path.name.rpartition("-")[0] for path in self.tally.glob("*-*-*[0-9]"))

    def most_at_once(self) -> int:
        return max(int(path.read_text()) for path in self.tally.glob("*.seen"))

    def outputs(self) -> dict[str, Any]:
        """The sweep's stack outputs."""
        return dict(json.loads(self.project.pulumi("stack", "output", "--json"))["sweeps"]["rates"])


@pytest.fixture
def swept(project: Project) -> Swept:
    return Swept(project)


def test_a_sweep_trains_each_point_once_and_a_wider_one_the_new_points_alone(swept: Swept) -> None:
    project = swept.project
    swept.configure(declared())
    preview = project.preview()
    assert "12 trials (grid), at most 12 at a time (the cluster has room for 2)" in preview.text
    assert swept.starts() == []
    up = project.up()
    assert up.code == 0, up.text
    assert len(swept.starts()) == len(set(swept.starts())) == 12
    assert swept.most_at_once() == 2
    outputs = swept.outputs()
    assert (outputs["status"], outputs["best"]["arguments"]) == ("Completed", {"rate": 0.4, "depth": 3})
    assert outputs["best"]["metric"] == pytest.approx(0.43)
    assert [trial["status"] for trial in outputs["trials"]] == ["Completed"] * 12
    assert (project.folder / outputs["best"]["outputs_uri"] / "model.txt").read_text() == "0.4 3"
    for again in (project.up("--expect-no-changes"), project.preview("--expect-no-changes")):
        assert again.is_empty, again.text
    refreshed = project.refresh("--expect-no-changes")
    assert refreshed.code == 0, refreshed.text

    # Commands know trials by their sweep and number, and the sweep's name stands for the best.
    listed = project.trainup("runs", "--json")
    assert {one["run"]: one["name"] for one in json.loads(listed)} == {
        f"rates_{trial['number']}": trial["name"] for trial in outputs["trials"]
    }
    assert project.output()["sweeps"]["rates"]["best"]["name"] == outputs["best"]["name"]
    number = outputs["best"]["number"]
    assert project.trainup("logs", f"rates_{number}") == project.trainup("logs", "rates") == "0.4 3\n"

    # They are compared, and reported with their points, though no option of the command has these.
    compared = json.loads(project.trainup("compare", "rates", "--sort", "accuracy", "--json"))["runs"]
    assert [one["arguments"] for one in compared][:2] == [{"rate": "0.4", "depth": "3"}, {"rate": "0.4", "depth": "2"}]
    page = Path(project.trainup("report").strip())
    (seen,) = browser.look(browser.Look(page))
    assert (seen["errors"], seen["charts"]) == ([], 2), "parallel coordinates and the timeline"
    assert outputs["best"]["name"] in seen["text"]

    # A wider space, a second sweep with points of the first one, and a run that reads the outputs of the best trial.
    wider = declared({**SPACE, "rate": [*SPACE["rate"], 0.5]})
    few = {"rate": [0.4, 0.6], "depth": [1]}
    some = declared(few, sampling_algorithm={"type": "random", "seed": 7}, limits={"max_total_trials": 2})
    reader = {"command": ["cat", "${{inputs.model}}"], "inputs": {"model": {"run": "rates", "path": "model.txt"}}}
    run = project.runs()["rates"]
    swept.configure(wider, {"some": {**run, "sweep": some}, "reader": reader})
    preview = project.preview()
    room = "(the cluster has room for 2)"
    assert f"15 trials (grid), at most 15 at a time {room}; 12 of them have a result already, 3 are new" in preview.text
    assert "2 trials (random), at most 2 at a time; 1 of them has a result already, 1 is new" in preview.text
    up = project.up()
    assert up.code == 0, up.text
    assert up.ops("Sweep") == {"rates": "update", "some": "create"}
    assert len(swept.starts()) == len(set(swept.starts())) == 16
    assert swept.outputs()["best"]["arguments"] == {"rate": 0.5, "depth": 3}
    assert "0.5 3" in up.text
    assert project.up("--expect-no-changes").is_empty

    # A narrower one gives trials up and trains none; a point that another sweep has stays.
    swept.configure(declared({"rate": [0.1, 0.2], "depth": [1, 2, 3]}), {"some": {**run, "sweep": some}})
    up = project.up()
    assert up.code == 0, up.text
    assert len(swept.starts()) == 16
    assert swept.outputs()["best"]["arguments"] == {"rate": 0.2, "depth": 3}
    assert len(json.dumps(project.sweep("rates")["outputs"]["trials"])) < 6 * 1024
    assert project.up("--expect-no-changes").is_empty
    assert project.destroy().code == 0
    assert project.left_running() == []
    assert all(record.released and not record.owners for record in records(project) if record.run == "trial")


def test_after_kill_9_the_next_up_goes_on_with_the_same_points(swept: Swept) -> None:
    project = swept.project
    (swept.tally / "gate").write_text("0.2")
    limits = {"max_total_trials": 9, "max_concurrent_trials": 2}
    swept.configure(declared(sampling_algorithm={"type": "random", "seed": 3}, limits=limits))
    running = project.start("up")
    until(lambda: sum(path.read_text() == "begun" for path in swept.tally.glob("*-*-*[0-9]")) == 2)
    running.kill()
    running.finish()
    before = swept.starts()
    project.unlock()
    (swept.tally / "open").touch()
    up = project.up()
    assert up.code == 0, up.text
    assert len(swept.starts()) == len(set(swept.starts())) == 9
    assert set(before) <= set(swept.starts())
    assert swept.most_at_once() == 2
    assert [trial["number"] for trial in swept.outputs()["trials"]] == list(range(9))
    assert project.up("--expect-no-changes").is_empty


def test_a_trial_that_does_badly_ends_early_and_says_so(project: Project) -> None:
    project.script(HOPELESS)
    run = {"source": "code", "script": "main.py", "arguments": ["${{search_space.rate}}"], "sweep": PRUNED}
    project.configure(tracking="server", cluster={"max_nodes": 2}, runs={"pruned": run})
    up = project.up()
    assert up.code == 0, up.text
    good, bad = project.sweep("pruned")["outputs"]["trials"]
    assert (good["status"], good["metric"], bad["status"]) == ("Completed", 0.9, "Canceled")
    assert bad["failure"]["message"].startswith("the run was canceled: ended early: accuracy 0.1 by step")
    assert "(rate=0.1) Canceled, ended early: accuracy 0.1 by step" in up.text
    assert project.up("--expect-no-changes").is_empty
    wider = {**run, "sweep": {**PRUNED, "search_space": {"rate": [0.9, 0.1, 0.8]}}}
    project.configure(tracking="server", cluster={"max_nodes": 2}, runs={"pruned": wider})
    assert "2 of them have a result already, 1 is new" in project.preview().text
    assert project.destroy().code == 0
    project.configure(tracking="server", cluster={"max_nodes": 2}, runs={"pruned": run})
    assert project.up().code == 0
    assert [trial["name"] for trial in project.sweep("pruned")["outputs"]["trials"]] == [good["name"], bad["name"]]
    assert project.destroy().code == 0
    assert project.left_running() == []
