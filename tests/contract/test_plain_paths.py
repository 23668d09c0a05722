"""What is filled into a command means here what it means on Azure, wherever the project and its data lie."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs import lifecycle
from trainup.jobs.lifecycle import Listener
from trainup.jobs.local import links
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner, Record

pytestmark = pytest.mark.slow

NAMES = ["my proj", "it's $HOME", "a;b&c", "new\nline", "a*[b]?", "(x) #1 %20 ü", "plain"]


@pytest.fixture(params=NAMES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalTarget]:
    project = tmp_path / request.param
    project.mkdir()
    made = LocalTarget(Workspace(project / ".trainup" / "local", project))
    yield made
    for record in made.records():
        made.cancel(record.name, "the test is over")
    assert not any(_links_to(tmp_path)), "no link outlives its run"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "data") == [request.param], (
        "nothing beside it"
    )


def _links_to(folder: Path) -> list[Path]:
    """Other runs of this user have theirs there as well."""
    paths = [path for parent in links._CANDIDATES for path in (parent / links._NAME).glob("*") if path.is_symlink()]
    return [path for path in paths if path.readlink().is_relative_to(folder)]


def _job(target: LocalTarget, command: tuple[str, ...], *, shell: bool = False, **data_inputs: dict[str, str]) -> Job:
    inputs = {name: {"digest": "sha256:0"} for name in data_inputs}
    spec = RunSpec(command=command, shell=shell, inputs=inputs, outputs={"model": {}})
    return Job(
        "digits",
        spec,
        spec.digest(),
        Owner("urn:pulumi:test::t::trainup:index:Run::digits", "t"),
        data_inputs=data_inputs,
    )


def _run(target: LocalTarget, job: Job) -> tuple[Record, RunFolder]:
    record = lifecycle.run(target, job, Listener(), threading.Event())
    assert record.status is Status.COMPLETED, target.log_tail(record.name, 20)
    return record, RunFolder(target.workspace.runs / record.name)


@pytest.mark.parametrize("shell", [True, False])
def test_an_output_named_in_a_shell_text_without_quotes_is_the_runs_own(target: LocalTarget, shell: bool) -> None:
    text = "mkdir -p ${{outputs.model}} && touch ${{outputs.model}}/m.bin"
    _, folder = _run(target, _job(target, (text,) if shell else ("sh", "-c", text), shell=shell))
    assert [path.name for path in (folder.outputs / "model").iterdir()] == ["m.bin"]
    assert [path.name for path in folder.code.iterdir()] == ["outputs"]


def test_the_variables_and_the_working_directory_need_no_quotes_either(target: LocalTarget) -> None:
    text = "echo 1 > $TRAINUP_OUTPUT_DIR/a; echo 2 > $TRAINUP_CHECKPOINT_DIR/b; cd /; echo 3 > $OLDPWD/outputs/c"
    record, folder = _run(target, _job(target, (text,), shell=True))
    assert {path.name for path in folder.outputs.iterdir()} == {"a", "c", "model"}
    assert (target.workspace.runs / ".checkpoints" / record.id / "b").read_text() == "2\n"


def test_data_of_any_name_is_read_without_quotes(target: LocalTarget, tmp_path: Path) -> None:
    data = tmp_path / "data" / "it's my; $data"
    (data / "a part").mkdir(parents=True)
    (data / "a part" / "x").write_text("folder")
    (data / "my table.csv").write_text("file")
    text = "cat ${{inputs.part}}/x; echo; cat ${{inputs.table}}; echo; echo ${{inputs.table}}"
    data_inputs = {"part": {"uri": str(data), "path": "a part"}, "table": {"uri": str(data / "my table.csv")}}
    record, _ = _run(target, _job(target, (text,), shell=True, **data_inputs))
    folder, file, address = target.log_tail(record.name, 3)
    assert (folder, file) == ("folder", "file")
    assert address.endswith("/my_table.csv")


def test_the_command_that_repeats_a_run_by_hand_needs_none_either(target: LocalTarget, tmp_path: Path) -> None:
    data = tmp_path / "data" / "my data"
    data.mkdir(parents=True)
    (data / "x").write_text("data")
    text = "cat ${{inputs.data}}/x > ${{outputs.model}}/copy"
    record, folder = _run(target, _job(target, (text,), shell=True, data={"uri": str(data)}))
    (folder.outputs / "model" / "copy").unlink()
    project = target.workspace.project
    subprocess.run(["sh", "-c", record.reproduce], cwd=project, check=True)
    assert (folder.outputs / "model" / "copy").read_text() == "data"


@pytest.mark.parametrize("target", ["my proj"], indirect=True)
def test_what_a_killed_supervisor_left_of_a_deleted_project_goes_with_the_next_run(
    target: LocalTarget, tmp_path: Path
) -> None:
    left = links._plain_folder() / f"left-by-{tmp_path.name}"
    left.symlink_to(tmp_path / "gone")
    _run(target, _job(target, ("true",)))
    assert not left.is_symlink()
