"""Sweep job files, judged by the official client: what trainup takes, Azure ML takes too, and means the same."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import official
from tests.support.sweeps import EVERY_DISTRIBUTION
from trainup.core.job_files.reading import read
from trainup.core.sweeps.parsing import parse_sweep

KEYS = ("sampling_algorithm", "search_space", "objective", "limits", "early_termination")
LOAD = f"""
import json, logging, sys
logging.disable(logging.CRITICAL)
from azure.ai.ml import load_job
loaded = [load_job(file)._to_dict() for file in sys.argv[1:]]
print(json.dumps([{{key: one[key] for key in {KEYS} if key in one}} for one in loaded]))
"""
SPACE = {name: item for name, item in EVERY_DISTRIBUTION.items() if name != "list"}  # our short form of `choice`
NUMBERS = {"min_value": "1e-3", "max_value": 0.5}  # YAML 1.1 reads the first one as a text
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "seed": {"sampling_algorithm": {"type": "random", "seed": 3, "rule": "random", "logbase": "e"}},
    "bayesian": {"sampling_algorithm": "bayesian"},
    "grid": {"sampling_algorithm": "Grid", "search_space": {"a": {"type": "choice", "values": [1, 0.5, "x"]}}},
    "numbers": {"search_space": {"a": {"type": "uniform", **NUMBERS}}},
    "goal": {"objective": {"goal": "Maximize", "primary_metric": "f1"}},
    "median": {"early_termination": {"type": "median_stopping", "evaluation_interval": 2, "delay_evaluation": 1}},
    "factor": {"early_termination": {"type": "bandit", "slack_factor": 0.2, "evaluation_interval": 1}},
    "amount": {"early_termination": {"type": "bandit", "slack_amount": 0.2, "evaluation_interval": 1}},
    "truncation": {
        "early_termination": {"type": "truncation_selection", "truncation_percentage": 10, "evaluation_interval": 1}
    },
    "limits": {"limits": {"max_total_trials": 5, "max_concurrent_trials": 2, "timeout": 600, "trial_timeout": 60}},
}


@pytest.mark.slow
def test_what_the_official_client_reads_is_the_same_sweep(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name, changes in VARIANTS.items():
        content = {
            "type": "sweep",
            "trial": {"command": "echo", "environment": "azureml:a:1", "code": "src"},
            "compute": "azureml:c",
            "sampling_algorithm": "random",
            "search_space": SPACE,
            "objective": {"goal": "minimize", "primary_metric": "loss"},
            "limits": {"max_total_trials": 5},
            **changes,
        }
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(content))
    files = [f"{name}.yml" for name in VARIANTS]
    command = [str(official.python()), "-c", LOAD, *files]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    for file, of_client in zip(files, json.loads(answer.stdout), strict=True):
        definition, problems = read(tmp_path, file)
        assert problems == [], file
        parsed, told = parse_sweep(of_client)
        assert parsed is not None, (file, told)
        # The client sorts the search space by name, and a sweep has no order but for the points of a grid.
        assert parsed.to_wire() == definition["sweep"], file
