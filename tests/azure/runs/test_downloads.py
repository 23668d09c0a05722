"""What a run left behind, fetched."""

import os
from pathlib import Path

import pytest

from tests.azure.runs.conftest import World
from trainup.core.status import Status
from trainup.jobs.downloads import download
from trainup.jobs.target import TargetError
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused

SCRIPT = (
    'mkdir -p "$TRAINUP_OUTPUT_DIR/a b"; echo weights > "$TRAINUP_OUTPUT_DIR/a b/model.bin"; '
    'seq 100000 > "$TRAINUP_OUTPUT_DIR/numbers"; : > "$TRAINUP_OUTPUT_DIR/empty"; echo {} > "$0/report.json"'
)


@pytest.fixture
def name(world: World) -> str:
    record, _ = world.run(world.job(command=["bash", "-c", SCRIPT, "${{outputs.report}}"]))
    assert record.status is Status.COMPLETED
    return record.name


def fetch(world: World, name: str, folder: Path, part: str | None = None) -> list[str]:
    """Fetch what the run left behind; the paths of its files."""
    files = download(world.target().files(name, part), folder)
    return sorted(path.relative_to(folder).as_posix() for path in files)


def reads(world: World, path: str) -> int:
    """How often a file was asked for since the beginning."""
    return len([entry for entry in world.azure.journal.entries if entry.path.endswith(path)])


def test_the_default_outputs_are_fetched_whole_and_once(world: World, name: str, tmp_path: Path) -> None:
    world.azure.faults.add(Fault(path="*/numbers", short=True))
    assert fetch(world, name, tmp_path / "got") == ["a b/model.bin", "empty", "numbers"]
    assert (tmp_path / "got" / "numbers").read_text().splitlines()[-1] == "100000"
    before = reads(world, "/numbers")
    fetch(world, name, tmp_path / "got")
    assert reads(world, "/numbers") == before


def test_a_file_of_another_run_that_is_as_long_is_not_taken_for_this_ones(
    world: World, name: str, tmp_path: Path
) -> None:
    fetch(world, name, tmp_path)
    other = tmp_path / "a b" / "model.bin"
    other.write_text("another")
    os.utime(other, (1, 1))
    fetch(world, name, tmp_path)
    assert other.read_text() == "weights\n"


def test_a_named_output_is_fetched_by_its_name(world: World, name: str, tmp_path: Path) -> None:
    assert fetch(world, name, tmp_path / "got", "report") == ["report.json"]
    assert (tmp_path / "got" / "report.json").read_text() == "{}\n"


def test_a_named_output_is_found_where_only_the_data_service_knows_it(world: World, tmp_path: Path) -> None:
    world.azure.output_uris = False
    record, _ = world.run(world.job(command=["bash", "-c", 'echo 1 > "$0/n"', "${{outputs.report}}"]))
    assert fetch(world, record.name, tmp_path / "got", "report") == ["n"]


def test_an_output_that_is_not_there_is_told_with_those_that_are(world: World, name: str) -> None:
    with pytest.raises(TargetError, match=r"no output 'model'.*there are report"):
        world.target().files(name, "model")
    with pytest.raises(TargetError, match="there is no job nothing"):
        world.target().files("nothing")


@pytest.mark.parametrize("path", ["*/azureml", "*/numbers"])
def test_storage_that_may_not_be_read_names_the_role(world: World, name: str, tmp_path: Path, path: str) -> None:
    missing = Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized")
    world.azure.faults.add(Fault("GET", path=path, error=missing))
    with pytest.raises(TargetError, match="Storage Blob Data Reader"):
        fetch(world, name, tmp_path / "got")
    left = [path.name for path in (tmp_path / "got").rglob("*")]
    assert not any("numbers" in path for path in left), "not even a part of it"
