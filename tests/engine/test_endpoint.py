"""A model behind an address, through the real engine: nothing that takes over loses a request."""

import json
from collections.abc import Iterator

import pytest

from tests.support import processes
from tests.support.project import Project
from tests.support.requests import Callers, post
from trainup.jobs.local import processes as own_processes
from trainup.jobs.local.mlflow_server import is_free
from trainup.jobs.local.serving.folder import folder_of

TRAIN = """
import os, pathlib
pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"], "model.txt").write_text("{factor}")
"""
SCORE = """
import json, os
def init():
    global factor
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.txt")) as file:
        factor = float(file.read())
def run(raw_data):
    return [factor * number for number in json.loads(raw_data)["data"]]
"""


@pytest.fixture
def served(project: Project) -> Iterator[Project]:
    project.script(TRAIN.format(factor=3))
    project.script(SCORE, "scoring", "score.py")
    project.script('{"data": [0]}', "scoring", "samples/nothing.json")
    project.script("[0]", "scoring", "samples/nothing.expected.json")
    project.configure(
        runs={"train": {"source": "code", "script": "main.py"}},
        endpoints={"numbers": {"source": "scoring", "model": {"run": "train", "path": "model.txt"}}},
    )
    yield project
    processes.kill(processes.of(project.folder))


def url_of(project: Project) -> str:
    return str(json.loads(project.pulumi("stack", "output", "--json"))["endpoints"]["numbers"]["url"])


def test_a_model_is_served_replaced_and_taken_down_without_a_lost_request(served: Project) -> None:
    result = served.run("up")
    assert result.code == 0, result.text
    url = url_of(served)
    assert post(url, b'{"data": [2, 0.5]}') == (200, [6.0, 1.5])
    assert served.run("preview").is_empty
    assert served.run("refresh").is_empty

    served.script(TRAIN.format(factor=4))
    with Callers(url) as callers:
        result = served.run("up")
    assert result.code == 0, result.text
    assert result.ops("Endpoint") == {"numbers-endpoint": "update"}
    assert [one for one in callers.answers if one not in ((200, [6.0]), (200, [8.0]))] == []
    assert (200, [6.0]) in callers.answers
    assert post(url, b'{"data": [2]}') == (200, [8.0])

    served.script(SCORE.replace("factor *", "1 + factor *"), "scoring", "score.py")
    with Callers(url) as callers:
        result = served.run("up")
    assert result.code != 0
    assert "the sample nothing.json was answered with [1.0], and nothing.expected.json says [0]" in result.text
    assert "serves on" in result.text
    assert {str(one) for one in callers.answers} == {"(200, [8.0])"}
    served.script(SCORE.replace("    global", "    import nowhere\n    global"), "scoring", "score.py")
    result = served.run("up")
    assert result.code != 0
    assert "No module named 'nowhere'" in result.text
    served.script(SCORE, "scoring", "score.py")
    assert served.run("up").code == 0

    endpoint = folder_of(served.workspace, "numbers")
    for one in own_processes.processes_of(endpoint.read()["token"]):
        one.kill()
    assert post(url, b'{"data": [2]}') == (200, [8.0])

    for data, words in ((b'{"data": 2}', "is a number"), (b"nonsense", "no JSON"), (b'{"dada": [2]}', "no 'data'")):
        status, answer = post(url, data)
        assert status == 400
        assert words in answer["message"]
    assert post(url, b"0" * (11 << 20))[0] == 413
    assert post(url, b'{"data": [2]}') == (200, [8.0])

    result = served.run("destroy")
    assert result.code == 0, result.text
    assert is_free(int(url.split(":")[2].split("/")[0]))
    assert [one.cmdline() for one in processes.of(served.folder)] == []
