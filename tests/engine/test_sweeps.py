"""Sweeps on this machine, by the real engine: trials train once, side by side as far as there are slots."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.engine.ledger import records
from tests.support.project import Project
from tests.support.waiting import until
from trainup.core.status import Status

pytestmark = pytest.mark.engine

TRIAL = """\
import json, os, pathlib, sys, time
folder, rate, depth = pathlib.Path(os.environ["TALLY"]), float(sys.argv[1]), int(sys.argv[2])
mark = folder / f"{rate}-{depth}-{os.getpid()}"
mark.write_text("begun")
(folder / f"{mark.name}.seen").write_text(str(sum(one.read_text() == "begun" for one in folder.glob("*-*-*[0-9]"))))
if (folder / "gate").exists():
    while not (folder / "open").exists():
        time.sleep(0.05)
time.sleep(0.2)
mark.write_text("ended")
outputs = pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"])
(outputs / "metrics.json").write_text(json.dumps({"accuracy": rate + depth / 100}))
(outputs / "model.txt").write_text(f"{rate} {depth}")
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
    assert "12 trials (grid), at most 12 at a time" in preview.text
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
