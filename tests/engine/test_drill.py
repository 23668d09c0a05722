"""Eviction drills on this machine: what resumes is told from what begins again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TRAINS = """\
import json, os, pathlib, sys, time, urllib.request
last = pathlib.Path(os.environ["TRAINUP_CHECKPOINT_DIR"]) / "last"
first = int(last.read_text()) + 1 if last.exists() and sys.argv[1] == "resume" else 0
for epoch in range(first, 8):
    time.sleep(0.6)  # an epoch
    body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": 1 / (epoch + 1), "step": epoch,
            "timestamp": time.time_ns() // 1_000_000}
    address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    last.write_text(str(epoch))
"""


def drill(project: Project, run: str, code: int) -> tuple[dict[str, object], str]:
    """The result of a drill, and what it printed on the way."""
    command = [sys.executable, "-m", "trainup.cli", "drill", run, "--yes", "--json"]
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout), done.stderr


def test_a_trial_that_reads_its_checkpoint_survives_and_a_run_that_does_not_is_told(project: Project) -> None:
    project.script(TRAINS)
    common = {"source": "code", "script": "main.py"}
    sweep = {
        "sampling_algorithm": "grid",
        "search_space": {"mode": ["resume"]},
        "objective": {"primary_metric": "loss", "goal": "minimize"},
    }
    runs = {
        "modes": {**common, "arguments": ["${{search_space.mode}}"], "sweep": sweep},
        "forget": {**common, "arguments": ["forget"]},
    }
    project.configure(tracking="server", runs=runs)
    assert project.up().code == 0
    before = project.output()["runs"]

    result, told = drill(project, "modes_0", 0)
    assert result["run"] == "modes_0"
    assert result["resumed"] is True
    assert (result["final_step"], result["original_step"]) == (7, 7)
    assert result["resumed_step"] > result["evicted_step"]  # type: ignore[operator]
    assert len(result["attempts"]) == 2  # type: ignore[arg-type]
    assert told.count("its node was taken away") == 1

    result, _ = drill(project, "forget", 1)
    assert result["resumed"] is False
    assert "Write checkpoints into $TRAINUP_CHECKPOINT_DIR" in str(result["problem"])

    page = Path(project.trainup("report").strip()).read_text()
    assert '<td class="good">survived</td>' in page
    assert "forget: the copy began again at step" in page
    assert project.output()["runs"] == before
    assert project.preview("--expect-no-changes").code == 0
    assert project.destroy().code == 0
