"""Sweep jobs of Azure ML (`type: sweep`) by the real engine: the file alone says that a run is a sweep."""

import json
from typing import Any

import pytest
import yaml

from tests.support.project import Project

pytestmark = pytest.mark.engine

SCRIPT = """\
import json, os, pathlib, sys
rate, name = float(sys.argv[1]), sys.argv[2]
(pathlib.Path(os.environ["TALLY"]) / f"{rate}-{name}-{os.getpid()}").touch()
(pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"]) / "metrics.json").write_text(json.dumps({"loss": rate}))
"""


def write(project: Project, values: list[Any], **changes: Any) -> None:
    """The job file, whose trials tell which values they got."""
    content = {
        "$schema": "https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json",
        "type": "sweep",
        "trial": {
            "code": "../code",
            "command": "python main.py ${{search_space.rate}} ${{inputs.name}} > log.txt && cat log.txt",
            "environment": "azureml:sklearn:1",
            "environment_variables": {"TALLY": str(project.folder / "tally")},
        },
        "inputs": {"name": "blue"},
        "compute": "azureml:cpu-cluster",
        "sampling_algorithm": "grid",
        "search_space": {"rate": {"type": "choice", "values": values}},
        "objective": {"goal": "minimize", "primary_metric": "loss"},
        "limits": {"max_total_trials": 9, "max_concurrent_trials": 2, "timeout": 3600},
        **changes,
    }
    (project.folder / "jobs" / "sweep.yml").write_text(yaml.safe_dump(content))


def learned(project: Project) -> dict[str, Any]:
    """A run with a bayesian sweep."""
    return {
        "source": "code",
        "script": "main.py",
        "arguments": ["${{search_space.rate}}", "green"],
        "environment_variables": {"TALLY": str(project.folder / "tally")},
        "sweep": {
            "sampling_algorithm": "bayesian",
            "search_space": {"rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
            "objective": {"goal": "minimize", "primary_metric": "loss"},
            "limits": {"max_total_trials": 7, "max_concurrent_trials": 2},
        },
    }


def test_a_sweep_job_is_judged_and_trains_its_points_and_a_wider_one_the_new_points_alone(project: Project) -> None:
    for name in ("tally", "jobs"):
        (project.folder / name).mkdir()
    project.script(SCRIPT)
    filed = {"job": "jobs/sweep.yml"}
    of_stack = {"sampling_algorithm": "grid", "search_space": {"rate": [1, 2]}, "objective": {}}

    # What is wrong in the file is told before anything runs, all at once and once each.
    write(project, [0.1, True], limits={"max_total_trials": 1, "max_concurrent_trials": 2}, objective={"goal": "max"})
    both = {"filed": filed, "twice": {**filed, "sweep": of_stack}}
    project.configure(cluster={"max_nodes": 2}, runs=both)
    refused = project.preview()
    assert refused.code != 0
    assert "runs.twice.sweep: `job` names a sweep job, which says `sweep` too: keep one of the two" in refused.text
    told = [line for line in refused.text.splitlines() if "runs.filed.job: jobs/sweep.yml: " in line]
    assert [line.split("jobs/sweep.yml: ")[1].split(":")[0] for line in told] == [
        "search_space.rate.values.1",
        "objective.primary_metric",
        "objective.goal",
        "limits.max_concurrent_trials",
    ], refused.text

    write(project, [0.1, 0.2])
    project.configure(cluster={"max_nodes": 2}, runs={"filed": filed})
    up = project.up()
    assert up.code == 0, up.text
    started = sorted(path.name.rpartition("-")[0] for path in (project.folder / "tally").iterdir())
    assert started == ["0.1-blue", "0.2-blue"]

    # A point more in the file, and a sweep whose points depend on results.
    write(project, [0.1, 0.2, 0.05])
    project.configure(cluster={"max_nodes": 2}, runs={"filed": filed, "learned": learned(project)})
    up = project.up()
    assert up.ops("Sweep") == {"filed": "update", "learned": "create"}
    names = [path.name.split("-")[1] for path in (project.folder / "tally").iterdir()]
    assert (names.count("blue"), names.count("green")) == (3, 7)
    assert project.up("--expect-no-changes").is_empty
    best = json.loads(project.pulumi("stack", "output", "--json"))["sweeps"]["filed"]["best"]
    assert (best["arguments"], best["metric"]) == ({"rate": 0.05}, 0.05)
    assert project.destroy().code == 0
