"""Each folder of `examples/`, copied and used as a stranger uses it. Those in other languages: `test_languages.py`."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.azure import cloud
from tests.support.copies import Copy
from tests.support.project import REPOSITORY
from tests.support.requests import post
from trainup.simulator.cloud.sample import furnish

EXAMPLES = REPOSITORY / "examples"
NOBODY = "00000000-0000-0000-0000-000000000000"
ON_AZURE = ("custom-dockerfile", "existing-workspace", "private-registry")
IN_OTHER_LANGUAGES = ("components-in-yaml", "components-in-typescript")
TRAINED = {
    "own-repository": {"weak", "strong"},
    "components-in-python": {"epochs-1", "epochs-2", "epochs-4"},
    "job-yaml": {"greeting"},
}


def test_every_example_is_tried() -> None:
    tried = {*TRAINED, *ON_AZURE, *IN_OTHER_LANGUAGES, "distributed", "served-model"}
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == tried


@pytest.mark.parametrize("folder", sorted(EXAMPLES.glob("*/infra")), ids=lambda folder: str(folder.parent.name))
def test_the_program_of_an_example_is_the_one_of_trainup(folder: Path) -> None:
    assert (folder / "__main__.py").read_text() == (REPOSITORY / "infra" / "__main__.py").read_text()


@pytest.fixture
def copy(request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]) -> Iterator[Copy]:
    copied = Copy(EXAMPLES / request.param, tmp_path / "copy", environment)
    yield copied
    processes.kill(processes.of(copied.folder))


@pytest.mark.parametrize("copy", sorted(TRAINED), indirect=True)
def test_an_example_trains_once_and_leaves_nothing(copy: Copy) -> None:
    assert copy.findings() == []
    copy.trainup("up")
    assert copy.findings() == []
    assert copy.statuses() == dict.fromkeys(TRAINED[copy.name], "Completed")
    assert "created" not in copy.trainup("up")
    copy.trainup("destroy")
    assert processes.left(copy.folder) == []


@pytest.mark.parametrize("copy", ["served-model"], indirect=True)
def test_a_digit_gets_the_right_answer_from_the_trained_model(copy: Copy) -> None:
    assert copy.findings() == []
    copy.trainup("up")
    assert copy.findings() == []
    done = subprocess.run(["trainup", "output"], cwd=copy.folder, env=copy.environment, capture_output=True, text=True)
    url = json.loads(done.stdout)["endpoints"]["digits"]["url"]
    sample = (copy.folder / "scoring" / "samples" / "three.json").read_text()
    assert post(url, sample.encode()) == (200, [3])
    assert post(url, sample.replace("[[0, ", "[[").encode()) == (
        400,
        {
            "message": "'data'[0] has 63 items, and in the sample 64 (ValueError: X has 63 features, but "
            "LogisticRegression is expecting 64 features as input.)"
        },
    )
    assert "created" not in copy.trainup("up")
    copy.trainup("destroy")
    assert processes.left(copy.folder) == []


@pytest.mark.training
@pytest.mark.parametrize("copy", ["distributed"], indirect=True)
def test_a_run_on_two_nodes_adds_up_what_both_have(copy: Copy) -> None:
    assert "rank 1 of 2: 3.0" in copy.trainup("up")
    copy.trainup("destroy")


@pytest.mark.parametrize("name", ON_AZURE)
def test_an_example_for_azure_trains_there(name: str, tmp_path: Path, environment: dict[str, str]) -> None:
    with cloud(tmp_path, environment) as running:
        sample = furnish(running.azure)
        copied = Copy(EXAMPLES / name, tmp_path / "copy", {**running.variables, "PULUMI_STACK": "dev"})
        file = copied.folder / "Pulumi.dev.yaml"
        text = file.read_text()
        # What its reader is told to edit, and what the others name is there.
        text = text.replace(f"users: [{NOBODY}]", f"users: [{running.azure.deployer}]")
        file.write_text(text := text.replace(NOBODY, running.azure.subscription))
        assert all(text.count(existing) == 1 for existing in (sample.cluster,) if "workspace:" in text)
        copied.trainup("stack", "dev", plain=True)
        if name == "private-registry":
            copied.pulumi("config", "set", "--secret", "trainup:registry_password", "planted-5ecret")
        assert copied.findings() == []
        copied.trainup("up", "--yes")
        assert copied.findings() == []
        assert copied.statuses() == {"hello": "Completed"}
        assert "created" not in copied.trainup("up", "--yes")
        copied.trainup("destroy", "--yes")
