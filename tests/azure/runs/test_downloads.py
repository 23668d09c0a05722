"""What a run left behind, fetched."""

from pathlib import Path

import pytest

from tests.azure.runs.conftest import World
from trainup.core.status import Status
from trainup.jobs.azure import downloads
from trainup.jobs.azure.workspace import Workspace
from trainup.jobs.target import TargetError
from trainup.simulator.cloud.faults import Fault

SCRIPT = (
    'mkdir -p "$TRAINUP_OUTPUT_DIR/a b"; echo weights > "$TRAINUP_OUTPUT_DIR/a b/model.bin"; '
    'seq 100000 > "$TRAINUP_OUTPUT_DIR/numbers"; : > "$TRAINUP_OUTPUT_DIR/empty"; echo {} > "$0/report.json"'
)


@pytest.fixture
def name(world: World) -> str:
    record, _ = world.run(world.job(command=["bash", "-c", SCRIPT, "${{outputs.report}}"]))
    assert record.status is Status.COMPLETED
    return record.name


def test_the_default_outputs_are_fetched_whole(world: World, name: str, tmp_path: Path) -> None:
    workspace = Workspace(world.client(), world.sample.workspace)
    world.azure.faults.add(Fault(path="*/numbers", short=True))
    got = downloads.download(workspace, name, tmp_path / "got")
    assert sorted(path.relative_to(tmp_path / "got").as_posix() for path in got) == [
        "a b/model.bin",
        "empty",
        "numbers",
    ]
    assert (tmp_path / "got" / "numbers").read_text().splitlines()[-1] == "100000"
    before = len(world.azure.journal.entries)
    downloads.download(workspace, name, tmp_path / "got")
    assert not [entry for entry in world.azure.journal.entries[before:] if "numbers" in entry.path]


def test_a_named_output_is_fetched_by_its_name(world: World, name: str, tmp_path: Path) -> None:
    workspace = Workspace(world.client(), world.sample.workspace)
    downloads.download(workspace, name, tmp_path / "got", "report")
    assert (tmp_path / "got" / "report.json").read_text() == "{}\n"


def test_an_output_that_is_not_there_is_told_with_those_that_are(world: World, name: str, tmp_path: Path) -> None:
    workspace = Workspace(world.client(), world.sample.workspace)
    with pytest.raises(TargetError, match=r"no output 'model'.*there are report"):
        downloads.download(workspace, name, tmp_path, "model")
    with pytest.raises(TargetError, match="there is no job nothing"):
        downloads.download(workspace, "nothing", tmp_path)
