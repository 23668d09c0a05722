"""What a newcomer gets from the first `make up`: the digits model, trained by the real image, in the real MLflow."""

import json
import re
import shutil

import pytest

from tests.support import browser, environments, processes
from tests.support.project import REPOSITORY, Project

# Whoever comes first builds the environment, which may have to be downloaded.
pytestmark = [pytest.mark.engine, pytest.mark.training, pytest.mark.timeout(1800)]

SAID = r"training on |settings |starting at the beginning: |epoch |done: accuracy "
"""How the lines of the training begin."""
RANKS = """\
import torch, torch.distributed as processes
processes.init_process_group("gloo")
number = torch.tensor(processes.get_rank() + 1)
processes.all_reduce(number)
print(f"rank {processes.get_rank()} of {processes.get_world_size()}, the sum is {number}", flush=True)
processes.destroy_process_group()
"""


def epochs_in(log: str) -> list[int]:
    """The epochs that have a line, in order."""
    return [int(number) for number in re.findall(r"^(?:\[default0\]:)?epoch +(\d+)/", log, re.MULTILINE)]


def test_the_digits_model_is_trained_once_and_shown_with_its_curves(project: Project) -> None:
    """One project for all that needs the real image, which takes long to build: also two nodes, and foreign code."""
    shutil.copytree(REPOSITORY / "training", project.folder / "training")
    environments.share(project.workspace, project.folder / "training" / "requirements.txt")
    project.script((REPOSITORY / "tests" / "engine" / "plain_pytorch.py").read_text(), source="foreign")
    digits = {"source": "training", "script": "train.py", "arguments": ["--dataset", "digits"]}
    two_nodes = {**digits, "arguments": ["--dataset", "digits", "--epochs", "4"], "nodes": 2, "after": ["digits"]}
    foreign = {"source": "foreign", "script": "main.py", "arguments": ["--epochs", "2"], "after": ["digits"]}
    project.script(RANKS, source="ranks")
    ranks = {"source": "ranks", "script": "main.py", "nodes": 2, "after": ["digits"]}

    def configure(**more: object) -> None:
        image = {"requirements": "training/requirements.txt"}
        project.configure(tracking="server", cluster={"max_nodes": 2}, image=image, runs={"digits": digits, **more})

    configure()
    first = project.start("up").finish(1500)
    assert first.code == 0, first.text
    assert "epoch   1/" in first.text, "the log is shown while it trains"
    told = project.output()["runs"]["digits"]
    assert told["status"] == "Completed"
    assert told["metrics"]["accuracy"] >= 0.97
    assert told["best"]["accuracy"] >= told["metrics"]["accuracy"]
    log = (project.folder / told["log_uri"]).read_text()
    assert [line for line in log.splitlines() if not re.match(SAID, line)] == [], "no warnings of libraries"
    assert epochs_in(log) == list(range(1, 13))
    outputs = project.folder / told["outputs_uri"]
    assert {"model.pkl", "confusion.png", "metrics.json"} <= {file.name for file in outputs.iterdir()}
    assert json.loads((outputs / "metrics.json").read_text())["accuracy"] == told["metrics"]["accuracy"]
    assert json.loads((outputs / "config.json").read_text())["epochs"] == 12
    assert (outputs / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert list(project.folder.rglob("last.pt")), "a checkpoint"

    before = {process.pid for process in processes.of(project.folder)}
    again = project.up("--expect-no-changes")
    assert again.is_empty, again.text
    assert {process.pid for process in processes.of(project.folder)} <= before, "an unchanged up starts nothing"

    browser.shows(told["web_url"], ["accuracy", "train_loss", "valid_loss"], ".js-line", 3)  # each with its curve

    configure(**{"two-nodes": two_nodes, "foreign": foreign, "ranks": ranks})
    more = project.up()
    assert more.code == 0, more.text
    told = project.output()["runs"]
    assert told["two-nodes"]["metrics"]["accuracy"] > 0.9
    # Each process sees half of the 1,438 images: half as many steps as one process would take.
    assert told["two-nodes"]["metrics"]["steps"] == 4 * (1438 // 2 // 64)
    log = (project.folder / told["two-nodes"]["log_uri"]).read_text()
    assert "2 processes" in log, "gloo connects them"
    assert epochs_in(log) == [1, 2, 3, 4], "told by one of them alone"
    log = (project.folder / told["ranks"]["log_uri"]).read_text()
    assert {f"[default{rank}]:rank {rank} of 2, the sum is 3" for rank in (0, 1)} <= set(log.splitlines()), log
    logs = (project.folder / told["ranks"]["log_uri"]).parent
    assert {path.name for path in logs.iterdir()} == {"std_log.txt", ".times", "supervisor.log"}, (
        "no rank's raw log is kept"
    )

    assert (told["foreign"]["status"], told["foreign"]["metrics"]) == ("Completed", {})
    log = (project.folder / told["foreign"]["log_uri"]).read_text()
    shape = [re.sub(r"0\.\d+", "?", line) for line in log.splitlines()]
    bars = [f"epoch {epoch}: step 100/100, loss ?" for epoch in (0, 1)]
    assert shape == [bars[0], "Epoch 0 finished", bars[1], "Epoch 1 finished", "Saved to outputs/model.pt"]
    assert (project.folder / told["foreign"]["outputs_uri"] / "model.pt").is_file()

    assert project.destroy().code == 0
    assert project.left_running() == []
