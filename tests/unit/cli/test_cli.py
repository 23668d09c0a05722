"""The `trainup` command, with a stand-in for the Pulumi CLI."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import stand_in, tracking_server
from tests.support.azure import visit
from tests.support.selected import select
from tests.support.stand_in import URN
from tests.support.stand_in import pulumi as _pulumi
from tests.support.stand_in import state as _state
from trainup.cli import stack
from trainup.cli.__main__ import main
from trainup.core.spec import RunSpec
from trainup.jobs import lifecycle
from trainup.jobs.azure.http.connection import client_of
from trainup.jobs.local import ledger, mlflow_server
from trainup.jobs.local.files import Lock, read_json, write_json
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import Rehearsal, rehearsal

SPEC = RunSpec(command=("true",))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stand_in.enter(tmp_path, monkeypatch)
    return tmp_path


def _run(project: Path) -> RunFolder:
    workspace = Workspace(project / ".trainup" / "local", project)
    workspace.create()
    folder = ledger.claim(workspace, Job("digits", SPEC, SPEC.digest(), Owner(URN, "t")), 1)
    status = {"status": "Completed", "metrics": {"accuracy": 0.98, "loss": "NaN"}, "phases": {"running": 2.0}}
    write_json(folder.status, status)
    folder.log.write_text("epoch 1\nepoch 2\n")
    return folder


def _resource(folder: RunFolder, **outputs: Any) -> dict[str, Any]:
    return stand_in.run_resource(folder.name, URN, **outputs)


def test_without_pulumi_the_way_out_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["output"]) == 2
    assert "there is no Pulumi CLI on this machine: run `trainup setup` first" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["output"], ["runs"], ["logs", "digits"]])
def test_without_a_stack_that_is_told_with_the_way_out(
    project: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    _pulumi(project, "error: no stack named 'local' found", 255)
    assert main(command) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("trainup: there is no stack 'local': `trainup up` creates a new one, and `pulumi stack")


def test_the_stack_is_that_of_the_option_then_of_the_variable_then_the_selected_one(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stack(*words: str, variable: str = "") -> str:
        monkeypatch.setenv("PULUMI_STACK", variable)
        assert main(["logs", "nope", *words]) == 1
        return capsys.readouterr().err.partition("has no run 'nope'")[0]

    (project / "bin").mkdir()
    program = project / "bin" / "pulumi"
    program.write_text(f"#!/bin/sh\n[ \"$2\" = export ] && echo '{_state()}' \n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{project / 'bin'}:/bin:/usr/bin")
    monkeypatch.delenv("PULUMI_STACK")
    assert stack() == "trainup: stack 'local' "
    select(project, "chosen")
    assert stack() == "trainup: stack 'chosen' "
    assert stack(variable="dev") == "trainup: stack 'dev' "
    assert stack("--stack", "prod", variable="dev") == "trainup: stack 'prod' "


def test_an_empty_stack_has_no_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pulumi(project, json.dumps({"version": 3}))
    assert main(["output"]) == 0
    assert json.loads(capsys.readouterr().out) == {"platform": {}, "runs": {}}
    assert main(["logs", "digits"]) == 1
    assert "stack 'local' has no run 'digits'; there are none" in capsys.readouterr().err


def test_the_record_counts_more_than_the_state(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pulumi(project, _state(_resource(_run(project), status="Running", metrics={"accuracy": 0.1})))
    assert main(["output"]) == 0
    told = json.loads(capsys.readouterr().out)["runs"]["digits"]
    assert (told["status"], told["metrics"]) == ("Completed", {"accuracy": 0.98, "loss": "NaN"})


def test_without_a_state_the_last_claim_counts_though_the_clock_was_set_back(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _pulumi(project, _state())
    workspace = Workspace(project / ".trainup" / "local", project)
    workspace.create()
    names = []
    for index in range(3):
        spec = RunSpec(command=("echo", str(index)))
        folder = ledger.claim(workspace, Job("digits", spec, spec.digest(), Owner(URN, "t")), 1)
        definition = read_json(folder.definition) or {}
        write_json(folder.definition, {**definition, "created": f"2026-11-0{9 - index}T00:00:00.000+00:00"})
        names.append(folder.name)
    assert main(["output"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"]["digits"]["name"] == names[-1]


def test_only_the_secrets_that_have_to_be_masked_are_decrypted(project: Path) -> None:
    def state(hidden: dict[str, str]) -> str:
        secret = {stack.SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", **hidden}
        run = {"run": "digits", "target": "azure", "secrets": {"TOKEN": secret}, "description": secret}
        local = {"run": "other", "target": "local", "secrets": {"TOKEN": secret}}
        return _state(
            {"type": "trainup:index:Run", "urn": "a", "inputs": run, "outputs": {"x": secret}},
            {"type": "trainup:index:Run", "urn": "b", "inputs": local},
        )

    _pulumi(project, state({"ciphertext": "v1:abc"}))
    program = project / "bin" / "pulumi"
    (project / "shown").write_text(state({"plaintext": '"pl4nted"'}))
    program.write_text(
        f"#!{sys.executable}\nimport sys\nname = 'shown' if '--show-secrets' in sys.argv else 'state'\n"
        f"print(open({str(project)!r} + '/' + name).read())\n"
    )
    runs = stack.read("dev").runs
    assert runs["digits"]["inputs"]["secrets"] == {"TOKEN": "pl4nted"}
    assert str(runs).count("pl4nted") == 1


def test_a_run_whose_record_is_gone_is_told_from_the_state(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pulumi(project, _state(_resource(RunFolder(project / "digits-0123456789ab"), status="Completed", cost=0)))
    assert main(["output"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"]["digits"]["status"] == "Completed"


def test_runs_of_a_lost_state_are_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _run(project)
    _pulumi(project, _state())
    assert main(["runs"]) == 0
    assert [folder.name, "Completed"] == capsys.readouterr().out.splitlines()[1].split()[1:3]


@pytest.mark.slow
def test_the_pages_of_a_workspace_are_started_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pulumi(project, _state(_resource(_run(project))))
    assert main(["ui"]) == 1
    assert "stack 'local' has no pages" in capsys.readouterr().err
    workspace = Workspace(project / ".trainup" / "local", project)
    tracking_server.configure(workspace)
    try:
        assert main(["ui"]) == 0
        assert capsys.readouterr().out == f"{workspace.tracking()['uri']}\n"
        assert mlflow_server.is_running(workspace)
    finally:
        mlflow_server.stop(workspace)


def test_a_log_is_printed_as_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pulumi(project, _state(_resource(_run(project))))
    assert main(["logs", "digits", "--follow"]) == 0
    assert capsys.readouterr().out == "epoch 1\nepoch 2\n"


@pytest.mark.slow
def test_any_log_can_be_printed_in_any_terminal(project: Path) -> None:
    folder = _run(project)
    folder.log.write_bytes("größer 日本\n".encode() + b"not \xff text\n")
    _pulumi(project, _state(_resource(folder)))
    command = [sys.executable, "-m", "trainup.cli", "logs", "digits"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines() == [rb"gr\xf6\xdfer \u65e5\u672c", rb"not \ufffd text"]


def test_following_a_log_ends_when_the_record_is_removed(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _run(project)
    write_json(folder.status, {"status": "Running", "phases": {}})
    _pulumi(project, _state(_resource(folder)))
    read_on = lifecycle.read_on

    def remove_after_reading(*arguments: Any) -> int:
        position = read_on(*arguments)
        shutil.rmtree(folder.path, ignore_errors=True)
        return position

    monkeypatch.setattr(lifecycle, "read_on", remove_after_reading)
    with Lock(folder.lock):
        assert main(["logs", "digits", "--follow"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "epoch 1\nepoch 2\n"
    assert captured.err == f"trainup: the record of {folder.name} was removed; its log ends here\n"


def test_what_a_run_left_behind_is_copied_into_a_folder_of_its_own(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _run(project)
    (folder.outputs / "a b").mkdir()
    (folder.outputs / "a b" / "model.bin").write_text("weights")
    _pulumi(project, _state(_resource(folder)))
    assert main(["download", "digits"]) == 0
    assert capsys.readouterr().out == f"{folder.name}\n"
    assert (project / folder.name / "a b" / "model.bin").read_text() == "weights"
    assert main(["download", "digits", "--to", "there"]) == 0
    assert [path.name for path in (project / "there").rglob("*.*")] == ["model.bin"], "and nothing half done beside it"


def test_an_output_that_a_run_does_not_have_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pulumi(project, _state(_resource(_run(project))))
    assert main(["download", "digits", "model"]) == 1
    assert "has no output 'model'; there are none" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", '{"version": 7}', '{"version": 1}', "\x00"])
@pytest.mark.parametrize("command", [["output"], ["runs"], ["logs", "digits"]])
def test_a_damaged_record_is_told_by_its_place(
    project: Path, capsys: pytest.CaptureFixture[str], content: str, command: list[str]
) -> None:
    folder = _run(project)
    folder.definition.write_text(content)
    _pulumi(project, _state(_resource(folder, status="Completed")))
    other = ledger.claim(
        Workspace(project / ".trainup" / "local", project), Job("b", SPEC, "d" * 64, Owner(URN, "t")), 1
    )
    assert main(command) == (2 if command[0] == "logs" else 0)
    told = capsys.readouterr()
    assert (other.name in told.out) == (command[0] != "logs"), "it hides no other"
    assert str(folder.path) in told.err
    assert folder.definition.read_text() == content


@pytest.mark.parametrize("text", ["{", "[]", "no state"])
def test_a_state_that_cannot_be_read_is_told(project: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    _pulumi(project, text)
    assert main(["output"]) == 2
    assert "printed no state" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "name: [", "runtime: python\n", "- a\n"])
def test_a_project_file_without_a_name_is_told(project: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    _pulumi(project, _state())
    (project / "Pulumi.yaml").write_text(text)
    assert main(["output"]) == 2
    assert "Pulumi.yaml has no `name` that can be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"), [("Pulumi.yml", "name: trainup\n"), ("Pulumi.json", '{\n\t"name": "trainup"\n}\n')]
)
def test_a_project_file_may_have_any_name_that_pulumi_knows(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    folder = _run(project)
    _pulumi(project, _state(_resource(folder)))
    (project / "Pulumi.yaml").unlink()
    (project / name).write_text(text)
    assert main(["runs"]) == 0
    assert "digits" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_causes_no_trace(project: Path) -> None:
    folder = _run(project)
    folder.log.write_text("line\n" * 200_000)
    _pulumi(project, _state(_resource(folder)))
    words = [sys.executable, "-m", "trainup.cli", "logs", "digits"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


COMPUTE = "azure-native:machinelearningservices:Compute"
PROVIDER = "pulumi:providers:azure-native"
STACK = "pulumi:pulumi:Stack"


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path / "azure") as running:
        visit(running, monkeypatch)
        client_of.cache_clear()
        yield running


@pytest.mark.slow
def test_what_a_cluster_on_azure_is_doing_is_told_as_a_table_and_as_json(
    project: Path, cloud: Rehearsal, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = furnish(cloud.azure).cluster
    found = cloud.azure.find(cluster)
    assert found
    inner = found["properties"]["properties"]
    inner |= {"allocationState": "Resizing", "currentNodeCount": 1, "targetNodeCount": 2}
    inner["nodeStateCounts"] = {"idleNodeCount": 0, "runningNodeCount": 1, "preparingNodeCount": 0}
    inner["errors"] = [{"error": {"code": "ClusterCoreQuotaReached", "message": "no cores left"}}]
    _pulumi(project, _state({"type": PROVIDER, "inputs": {"environment": "public"}}, {"type": COMPUTE, "id": cluster}))
    assert main(["cluster"]) == 0
    name = found["name"]
    assert capsys.readouterr().out.splitlines() == [
        f"{'CLUSTER'.ljust(len(name))}  ALLOCATION  NODES  TARGET  BY STATE",
        f"{name}  Resizing    1      2       1 running",
        f"{name}: ClusterCoreQuotaReached: no cores left",
    ]
    assert main(["cluster", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told == {
        "name": name,
        "allocation_state": "Resizing",
        "current_nodes": 1,
        "target_nodes": 2,
        "nodes": {"idle": 0, "running": 1, "preparing": 0},
        "errors": ["ClusterCoreQuotaReached: no cores left"],
    }


def test_an_attached_cluster_is_found_by_the_stacks_outputs(
    project: Path, cloud: Rehearsal, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = furnish(cloud.azure).cluster
    _pulumi(project, _state({"type": STACK, "outputs": {"platform": {"cluster_id": cluster}}}))
    assert main(["cluster"]) == 0
    assert cluster.rsplit("/", 1)[-1] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ([], "has no cluster: deploy it first"),
        ([{"type": STACK, "outputs": {"platform": {"cluster_id": "serverless"}}}], "its runs are serverless"),
    ],
)
def test_a_stack_without_a_cluster_is_told_why(
    project: Path, capsys: pytest.CaptureFixture[str], resources: list[dict[str, Any]], says: str
) -> None:
    _pulumi(project, _state(*resources))
    assert main(["cluster"]) == 1
    assert says in capsys.readouterr().err


def test_a_cluster_that_is_gone_is_told_with_the_way_out(
    project: Path, cloud: Rehearsal, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = furnish(cloud.azure).cluster
    cloud.azure.delete(cluster)
    _pulumi(project, _state({"type": COMPUTE, "id": cluster}))
    assert main(["cluster"]) == 1
    assert "`trainup refresh` removes it from the stack's state" in capsys.readouterr().err


def test_the_slots_of_this_machine_are_told_as_nodes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(project / ".trainup" / "local", project)
    workspace.create()
    pool = Pool(workspace, "gpu-cluster")
    pool.configure(3, [])
    folder = _run(project)
    ticket = pool.enqueue(folder, 2)
    with Lock(folder.lock):
        assert pool.deal({ticket.name: 2})
        inputs = {"workspace": ".trainup/local", "name": "gpu-cluster", "max_nodes": 3}
        _pulumi(project, _state({"type": "trainup:index:Pool", "id": "gpu-cluster", "inputs": inputs}))
        assert main(["cluster", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["nodes"] == {"idle": 1, "running": 2}
