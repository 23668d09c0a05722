"""Scoring runs: what their command is, and what the program in their environment does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainup.core import scoring
from trainup.core.inputs import parse_run
from trainup.jobs.serving import batch

SCRIPT = """\
import json, os
def init():
    global factor
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "factor")) as file:
        factor = float(file.read())
def run(raw_data):
    number = json.loads(raw_data)["number"]
    if number < 0:
        raise ValueError(f"{number} is below 0")
    return [factor * number]
"""


def scored(folder: Path, script: str = SCRIPT) -> subprocess.CompletedProcess[str]:
    """A scoring run of the data in a folder, as a target starts it, in an interpreter without trainup."""
    (folder / "score.py").write_text(script)
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "factor").write_text("2")
    command = scoring.command("score.py", ("data", "model"))
    words = [{"${{inputs.data}}": "data", "${{inputs.model}}": "model"}.get(word, word) for word in command[1:]]
    return subprocess.run(
        [sys.executable, "-ISs", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], scoring.VARIABLE: batch.program(), "TRAINUP_OUTPUT_DIR": "out"},
        capture_output=True,
        text=True,
    )


def test_each_record_gets_an_answer_or_the_reason_why_it_has_none(tmp_path: Path) -> None:
    (tmp_path / "data" / "b").mkdir(parents=True)
    (tmp_path / "data" / "b" / "two.jsonl").write_text('{"number": 2}\n\n{"number": -1}\n')
    (tmp_path / "data" / "a.json").write_text('{"number": 1}')
    done = scored(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "b/two.jsonl:3 was refused: ValueError: -1 is below 0" in done.stdout
    assert "2 of 3 records were scored" in done.stdout
    assert [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()] == [
        {"record": "a.json", "prediction": [2.0]},
        {"record": "b/two.jsonl:1", "prediction": [4.0]},
        {"record": "b/two.jsonl:3", "error": "ValueError: -1 is below 0"},
    ]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["records"], metrics["scored"], metrics["refused"]) == (3, 2, 1)


@pytest.mark.parametrize(
    ("record", "script", "told"),
    [
        ('{"number": -1}', SCRIPT, "all of its 1 records were refused"),
        ("", SCRIPT, "there is no record"),
        ('{"wrong": 1}', SCRIPT, "KeyError: 'number'"),
        ('{"number": 1}', "def init(): pass\n", "score.py has no function run()"),
    ],
)
def test_a_run_that_scores_nothing_or_breaks_fails_and_leaves_no_predictions_of_a_part(
    tmp_path: Path, record: str, script: str, told: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.jsonl").write_text(record)
    done = scored(tmp_path, script)
    assert done.returncode != 0
    assert told in done.stderr
    predictions = tmp_path / "out" / "predictions.jsonl"
    assert not predictions.exists() or "prediction" not in json.loads(predictions.read_text() or "{}")


def run(**inputs: Any) -> dict[str, Any]:
    data = {"uri": "images", "digest": "sha256:0"}
    given = {"run": "scores", "target": "local", "workspace": "w", "source": "code", "score": "score.py"}
    return {**given, "inputs": {"data": data}, **inputs}


def test_what_a_scoring_run_is_does_not_depend_on_the_program_that_scores() -> None:
    spec = parse_run(run())[0].spec
    assert spec is not None
    assert scoring.is_scoring(spec.command)
    assert spec.command[2:] == (scoring.PROGRAM, "score.py", "${{inputs.data}}")
    assert batch.program() not in " ".join(spec.command)
    # Pinned: another program in the command would score everything again.
    assert spec.digest() == "0d6787cf416a002d32886507897e7292af1b9d556e39894b7fc5f99ed9b3b236"


@pytest.mark.parametrize(
    ("inputs", "at", "told"),
    [
        ({"script": "train.py"}, "script", "`score` is given as well, and a run does one thing"),
        ({"arguments": ["--fast"]}, "arguments", "`score` takes none"),
        ({"source": None}, "source", "give `source` as well"),
        ({"inputs": {}}, "score", "it scores the records of the input `data`, and there is none"),
        ({"nodes": 2}, "nodes", "`score` reads its records in one process"),
        ({"score": "../score.py"}, "score", "leaves the source folder"),
    ],
)
def test_what_is_wrong_with_a_scoring_run_is_told_with_the_rule(inputs: dict[str, Any], at: str, told: str) -> None:
    findings = {item.property: item.reason for item in parse_run(run(**inputs))[1]}
    assert told in findings[at]
