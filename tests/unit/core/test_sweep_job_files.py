"""Sweep jobs of Azure ML's CLI v2 (`type: sweep`) as definitions of runs."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.sweeps import sweep
from trainup.core.job_files.reading import read

# The sample of Azure ML's documents: https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-sweep
SAMPLE: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json",
    "type": "sweep",
    "trial": {
        "code": "src",
        "command": "python main.py ${{inputs.iris_csv}} --C ${{search_space.c}} --kernel ${{search_space.k}}",
        "environment": "azureml:sklearn:1",
        "environment_variables": {"A": "b"},
        "resources": {"shm_size": "2g"},
        "distribution": {"type": "pytorch", "process_count_per_instance": 2},
    },
    "inputs": {"iris_csv": {"type": "uri_file", "path": "https://example.net/iris.csv"}},
    "compute": "azureml:cpu-cluster",
    "sampling_algorithm": "random",
    "search_space": {
        "c": {"type": "uniform", "min_value": 0.5, "max_value": 0.9},
        "k": {"type": "choice", "values": ["rbf", "linear", "poly"]},
    },
    "objective": {"goal": "minimize", "primary_metric": "training_f1_score"},
    "limits": {"max_total_trials": 20, "max_concurrent_trials": 10, "timeout": 7200},
    "early_termination": {"type": "bandit", "slack_factor": 0.2, "evaluation_interval": 2},
    "display_name": "sklearn-iris-sweep",
    "experiment_name": "sklearn-iris-sweep",
    "description": "Sweep hyperparameters for training a model on iris.",
    "tags": {"team": "flowers"},
}
IN_STACK = {
    key: SAMPLE[key] for key in ("sampling_algorithm", "search_space", "objective", "limits", "early_termination")
}


def sample(**changes: Any) -> dict[str, Any]:
    """The sample with changes; a change to None leaves a key out."""
    return {key: value for key, value in {**SAMPLE, **changes}.items() if value is not None}


def read_file(folder: Path, content: Any) -> tuple[dict[str, Any], list[str]]:
    (folder / "jobs").mkdir()
    (folder / "jobs" / "sweep.yml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return read(folder, "jobs/sweep.yml")


def test_a_sweep_job_is_what_its_trials_run_and_the_same_sweep_as_in_the_words_of_a_stack(tmp_path: Path) -> None:
    definition, problems = read_file(tmp_path, SAMPLE)
    assert problems == []
    assert definition.pop("sweep") == sweep(**IN_STACK).to_wire()
    address = "https://example.net/iris.csv"
    assert definition == {
        "shell_command": SAMPLE["trial"]["command"],
        "source": "jobs/src",
        "image": "azureml:sklearn:1",
        "environment_variables": {"A": "b"},
        "shm_size": "2g",
        "distribution": {"type": "pytorch", "process_count_per_node": 2},
        "cluster": "azureml:cpu-cluster",
        "inputs": {"iris_csv": {"uri": address, "digest": address, "type": "uri_file"}},
        "display_name": "sklearn-iris-sweep",
        "experiment_name": "sklearn-iris-sweep",
        "description": SAMPLE["description"],
        "tags": {"team": "flowers"},
    }


def test_the_limits_of_a_sweep_are_not_those_of_a_trial(tmp_path: Path) -> None:
    definition, _ = read_file(tmp_path, sample(limits={"max_total_trials": 2, "timeout": 9, "trial_timeout": 5}))
    assert "timeout" not in definition
    assert definition["sweep"]["limits"] == {"max_total_trials": 2, "timeout": 9.0, "trial_timeout": 5.0}


def test_numbers_as_people_write_them_reach_the_state_as_numbers(tmp_path: Path) -> None:
    """`1e-3` is a text in YAML 1.1, which Azure ML's client reads as a number where it needs one."""
    text = yaml.safe_dump(sample(search_space=None)) + (
        "search_space:\n"
        "  c: {type: uniform, min_value: 1e-3, max_value: 0.10}\n"
        "  k: {type: choice, values: [1e-3, 0.10, 8]}\n"
    )
    definition, problems = read_file(tmp_path, text)
    assert problems == []
    assert json.loads(json.dumps(definition["sweep"]["search_space"])) == {
        "c": {"type": "uniform", "min_value": 0.001, "max_value": 0.1},
        "k": {"type": "choice", "values": ["1e-3", 0.1, 8]},
    }


@pytest.mark.parametrize("kind", ["type", "$schema", "search_space"])
def test_a_sweep_job_is_known_by_any_of_its_marks(tmp_path: Path, kind: str) -> None:
    others = {name: None for name in ("type", "$schema") if name != kind}
    assert read_file(tmp_path, sample(**others))[1] == []


@pytest.mark.parametrize("where", ["trial", "sweep"])
def test_resources_stand_in_the_trial_or_beside_it(tmp_path: Path, where: str) -> None:
    trial = {**SAMPLE["trial"], "resources": {"instance_count": 2}}
    beside = {"trial": {**trial, "resources": None}, "resources": {"instance_count": 2}}
    definition, problems = read_file(tmp_path, sample(trial=trial) if where == "trial" else sample(**beside))
    assert problems == []
    assert definition["nodes"] == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"trial": None}, "trial: it is missing: it has the `command`"),
        ({"trial": "file:trial.yml"}, "trial: 'file:trial.yml' is no map"),
        ({"trial": {"environment": "azureml:a:1"}}, "trial.command: it is missing: it is what each trial runs"),
        ({"trial": {**SAMPLE["trial"], "comand": "x"}}, "trial.comand: a trial has no such key; there are command"),
        ({"trial": {**SAMPLE["trial"], "resources": {"nodes": 2}}}, "trial.resources.nodes: there is no such key here"),
        ({"command": "x"}, "command: it is a key of `trial`: write it there"),
        ({"environment": "azureml:a:1"}, "environment: it is a key of `trial`: write it there"),
        ({"resources": {"shm_size": "2g"}}, "resources: it is a key of `trial` too: keep one of the two"),
        ({"serach_space": {}}, "serach_space: a sweep job has no such key; there are"),
        ({"name": "mine"}, "name: trainup names jobs itself"),
        ({"objective": None}, "objective: it is missing"),
        ({"search_space": {}}, "search_space: it is empty"),
        ({"search_space": {"c": {"type": "choice", "values": [True]}}}, "search_space.c.values.0: true is a boolean"),
        ({"limits": {"max_total_trials": 0}}, "limits.max_total_trials: 0 is out of range"),
        (
            {"sampling_algorithm": {"type": "random", "rule": "sobol"}},
            "sampling_algorithm.rule: 'sobol' is not supported",
        ),
        ({"early_termination": {"type": "bandit"}}, "early_termination: bandit has either"),
    ],
)
def test_a_mistake_in_a_sweep_job_is_told_with_its_key(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    definition, problems = read_file(tmp_path, sample(**changes))
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"jobs/sweep.yml: {says}")
    assert "sweep" in definition


def test_all_mistakes_of_a_sweep_job_come_at_once(tmp_path: Path) -> None:
    content = sample(trial={"code": 3}, objective={"goal": "max"}, compute=5)
    _, problems = read_file(tmp_path, content)
    assert [problem.split(": ")[1] for problem in problems] == [
        "compute",
        "objective.primary_metric",
        "objective.goal",
        "trial.command",
        "trial.code",
    ]
