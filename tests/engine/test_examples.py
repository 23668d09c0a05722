"""Each folder of `examples/`, copied and used as a stranger uses it. Those in other languages: `test_languages.py`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import environments, processes
from tests.support.azure import cloud
from tests.support.copies import Copy
from tests.support.project import REPOSITORY
from tests.support.requests import Callers, post
from trainup.jobs.local.mlflow_server import is_free
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
def test_digits_are_served_by_the_best_model_so_far_and_no_request_is_lost(copy: Copy) -> None:
    """Train, judge, serve; a worse model does not go live, a better one does, and a killed server comes back."""
    environments.share(copy.workspace)
    assert copy.findings() == []
    copy.trainup("up")
    assert copy.findings() == []
    served = copy.output()["endpoints"]["digits"]
    url, first = served["url"], served["model_version"]
    sample = (copy.folder / "scoring" / "samples" / "three.json").read_bytes()
    three = (200, [3])
    assert post(url, sample) == three
    assert post(url, sample.replace(b"[[0, ", b"[[")) == (
        400,
        {
            "message": "'data'[0] has 63 items, and in the sample 64 (ValueError: X has 63 features, but "
            "LogisticRegression is expecting 64 features as input.)"
        },
    )
    assert "created" not in copy.trainup("up")

    script = copy.folder / "training" / "train.py"
    right, model = script.read_text(), "LogisticRegression(max_iter=200)"
    assert model in right
    worse = right.replace(model, "LogisticRegression(C=0.01, max_iter=200)")
    better = right.replace(model, "SVC()").replace(
        "sklearn.linear_model import LogisticRegression", "sklearn.svm import SVC"
    )
    with Callers(url, data=sample) as callers:
        script.write_text(worse)
        assert "stays live: accuracy is 0.902222" in copy.trainup("up", fails=True)
        assert copy.output()["endpoints"]["digits"]["model_version"] == first
        script.write_text(better)
        copy.trainup("up")
    assert copy.output()["endpoints"]["digits"]["model_version"] != first
    assert [answer for answer in callers.answers if answer != three] == []
    refused = post(url, sample.replace(b"[[0, ", b"[["))
    assert "SVC is expecting 64 features" in refused[1]["message"]

    port = int(url.split(":")[2].split("/")[0])
    servers = processes.with_word(copy.folder / ".trainup" / "local" / "endpoints", "azureml_inference_server_http")
    assert servers
    processes.kill(servers)
    assert post(url, sample) == three
    copy.trainup("destroy")
    assert is_free(port)
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
