"""Runs as the engine sees them: a real plugin, spoken to over gRPC, and the processes that it starts."""

import contextlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from psutil import Process
from pulumi.runtime.proto import provider_pb2

from tests.support import processes
from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.core import wire
from trainup.core.values import Secret

# Every test starts real processes.
pytestmark = pytest.mark.slow

SECRET = "pl4nted-s3cret"
RUN = urn("Run", "digits")
GIVEN = {"run": "digits", "target": "local", "workspace": ".trainup/test"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project's folder; whatever still runs from it afterwards is ended, and a test that left it so fails."""
    yield tmp_path
    left = processes.left(tmp_path)
    processes.kill(left)
    assert left == []


@pytest.fixture
def engine(project: Path) -> Iterator[Plugin]:
    with plugin(project) as made:
        yield made


def _run(engine: Plugin, script: str = "", **inputs: Any) -> Resource:
    """Check and create a run of a shell command."""
    command = {"command": ["sh", "-c", script]} if script else {}
    checked, failures = engine.check(RUN, {**GIVEN, **command, **inputs})
    assert failures == {}
    return engine.create(RUN, checked)


def _python(project: Path, text: str) -> dict[str, Any]:
    (project / "code").mkdir(exist_ok=True)
    (project / "code" / "main.py").write_text(text)
    return {"source": "code", "script": "main.py"}


JOB = """\
command: cat ${{inputs.pets}}/a.txt ${{inputs.one}} > outputs/all.txt && python main.py
code: src
environment: azureml://registries/azureml/environments/sklearn-1.5/labels/latest
compute: azureml:gpu-cluster
resources: {instance_type: Standard_NC4as_T4_v3}
inputs:
  pets: {path: data}
  one: {type: uri_file, path: data/a.txt}
services: {lab: {type: jupyter_lab}}
"""


def test_a_job_file_for_azure_runs_here_with_its_data(engine: Plugin, project: Path) -> None:
    for path, text in {"job.yml": JOB, "src/main.py": "print('trained')", "data/a.txt": "cats "}.items():
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text(text)
    made = _run(engine, job="job.yml")
    assert made.outputs["status"] == "Completed"
    assert [path.read_text() for path in _files(project) if path.name == "all.txt"] == ["cats cats "]
    assert any("the services lab are opened on Azure, and not here" in line for line in engine.engine.lines())
    (project / "data" / "a.txt").write_text("dogs")
    checked, _ = engine.check(RUN, {**GIVEN, "job": "job.yml"})
    assert checked["digest"] != made.outputs["digest"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            "inputs: {pets: {path: azureml:pets@latest}}",
            "inputs.pets (azureml:pets@latest) is in Azure, and this stack",
        ),
        ("inputs: {pets: {path: 'wasbs://a@b.blob.core.windows.net/c'}}", "is in Azure, and this stack runs here"),
        ("distribution: {type: mpi}", "the file has Azure ML start several processes or nodes"),
        ("resources: {instance_count: 2}", "the file has Azure ML start several processes or nodes"),
        ("inputs: {pets: {path: none}}", "job.yml: inputs.pets.path: there is no file or folder"),
        ("environment: {build: {path: none}}", "job.yml: environment.build.path: there is no folder none"),
    ],
)
def test_a_job_file_that_cannot_run_here_is_refused_in_one_sentence(
    engine: Plugin, project: Path, content: str, says: str
) -> None:
    (project / "job.yml").write_text(f"command: python main.py ${{{{inputs.pets}}}}\n{content}\n")
    _, failures = engine.check(RUN, {**GIVEN, "job": "job.yml"})
    assert says in failures["job"]


def _files(project: Path) -> list[Path]:
    return [path for path in project.rglob("*") if path.is_file()]


def test_the_digest_of_a_preview_is_the_digest_of_the_run(engine: Plugin) -> None:
    checked, _ = engine.check(RUN, {**GIVEN, "command": ["true"]})
    assert engine.plan(RUN, checked)["digest"] == checked["digest"]
    assert engine.create(RUN, checked).outputs["digest"] == checked["digest"]


def test_metrics_that_are_no_numbers_survive_create_read_diff_and_delete(engine: Plugin, project: Path) -> None:
    script = (
        'echo \'{"loss": NaN, "up": Infinity, "down": -Infinity, "whole": 3.0, "acc": 0.5}\' > outputs/metrics.json'
    )
    made = _run(engine, script)
    told = {"loss": "NaN", "up": "Infinity", "down": "-Infinity", "whole": 3, "acc": 0.5}
    assert made.outputs["metrics"] == told
    read = engine.read(made)
    assert read
    assert read.outputs["metrics"] == told
    assert engine.diff(read, made.inputs).changes == provider_pb2.DiffResponse.DIFF_NONE
    engine.delete(read)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, f'{{"a": 1{"0" * 400}, "ok": 1}}', '{"\\ud800": 1}', "[1]", '{"a": {}}', "junk"]
)
def test_no_metrics_file_makes_a_completed_run_anything_else(engine: Plugin, project: Path, content: str) -> None:
    (project / "metrics").write_text(content)
    made = _run(engine, f"cp '{project}/metrics' outputs/metrics.json")
    assert made.outputs["status"] == "Completed"


def test_a_planted_secret_is_nowhere_in_clear(engine: Plugin, project: Path) -> None:
    fifo = project / "go"
    os.mkfifo(fifo)
    script = f"""
import os, sys
print('token', os.environ['TOKEN'], flush=True)
sys.stdout.write(os.environ['TOKEN'][:6]); sys.stdout.flush()
open({str(fifo)!r}).read()
print(os.environ['TOKEN'][6:], flush=True)
sys.exit(3)
"""
    inputs = {**GIVEN, **_python(project, script), "secrets": {"TOKEN": Secret(SECRET)}}
    inputs["tags"] = {"a": "b"}
    request = provider_pb2.CheckRequest(urn=RUN, news=wire.encode(inputs))
    checked = engine.stub.Check(request).inputs
    assert wire.decode(checked)["secrets"] == {"TOKEN": Secret(SECRET)}, "a secret input comes back as one"
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(engine.create, RUN, wire.decode(checked))
        engine.engine.wait_for("token ***")
        for process in processes.of(project):
            with contextlib.suppress(psutil.NoSuchProcess):  # the keeper of the queue may end: nothing waits
                assert SECRET not in " ".join(process.cmdline())
                if "trainup.jobs.local.supervisor" in process.cmdline():
                    assert SECRET not in str(process.environ())
        assert [path for path in _files(project) if SECRET in path.read_text(errors="replace")] in (
            [],
            list(project.rglob(".raw")),
        )
        fifo.write_text("go")
        with pytest.raises(Failed) as caught:
            creating.result()
    assert SECRET not in str(caught.value) + str(caught.value.outputs) + str(engine.engine.logged)
    assert caught.value.outputs["log_tail"] == ["token ***", "***"]
    assert [path for path in _files(project) if SECRET in path.read_text(errors="replace")] == []


def test_cancel_answers_while_seventy_runs_wait(engine: Plugin, project: Path) -> None:
    checked, failures = engine.check(RUN, {**GIVEN, "command": ["sh", "-c", f"read line < '{project}/go'"]})
    assert failures == {}
    os.mkfifo(project / "go")
    inputs = [{**checked, "run": f"r{index}"} for index in range(70)]
    with ThreadPoolExecutor(70) as pool:
        creates = [pool.submit(engine.create, urn("Run", item["run"]), item) for item in inputs]
        wanted = {f"{item['run']}-" for item in inputs}
        for prefix in wanted:
            engine.engine.wait_for(prefix, 120)
        engine.cancel()  # behind the creates it would never be answered: nothing else ends them
        failed = [create.exception() for create in creates]
    resources = []
    for item, error in zip(inputs, failed, strict=True):
        assert isinstance(error, Failed), error
        assert "the next `pulumi up` attaches" in str(error)
        resources.append(Resource(urn("Run", item["run"]), error.id, item, error.outputs))
    assert len({resource.id for resource in resources}) == 70
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(engine.delete, resources))


@pytest.mark.parametrize(
    ("script", "status", "kind", "exit_code", "signal"),
    [
        ("exit 3", "Failed", "user_code", 3, None),
        ("kill -9 $$", "Failed", "user_code", None, "SIGKILL"),
        ("kill -INT $$", "Failed", "user_code", None, "SIGINT"),
        ("exit 127", "Failed", "environment", 127, None),
        ("sleep 1000", "TimedOut", "timeout", None, None),
    ],
)
def test_each_end_has_its_status_and_class(
    engine: Plugin, script: str, status: str, kind: str, exit_code: int | None, signal: str | None
) -> None:
    with pytest.raises(Failed) as caught:
        _run(engine, script, **({"timeout": 1} if status == "TimedOut" else {}))
    told = caught.value.outputs
    assert (told["status"], told["failure"]["failure_class"]) == (status, kind)
    assert (told["failure"].get("exit_code"), told["failure"].get("signal")) == (exit_code, signal)
    assert "what to do: " in str(caught.value)


def test_a_program_that_is_not_there_is_the_environments_fault(engine: Plugin) -> None:
    with pytest.raises(Failed, match="'no-such-program' could not be started: No such file"):
        _run(engine, command=["no-such-program"])


def test_a_run_whose_record_cannot_be_read_any_more_stays_in_state(engine: Plugin, project: Path) -> None:
    checked, _ = engine.check(RUN, {**GIVEN, "command": ["sh", "-c", "echo started; sleep 1000"]})
    with ThreadPoolExecutor(1) as pool:
        create = pool.submit(engine.create, RUN, checked)
        engine.engine.wait_for("started")
        (record,) = (project / ".trainup" / "test" / "runs").glob("*/run.json")
        whole = record.read_text()
        record.write_text("{")
        with pytest.raises(Failed, match="could not be watched") as failed:
            create.result()
    assert (failed.value.id, failed.value.refresh) == (record.parent.name, True)
    record.write_text(whole)
    engine.delete(Resource(RUN, failed.value.id, checked, failed.value.outputs))
    assert processes.left(record.parent) == []


def test_what_a_script_leaves_running_is_ended(engine: Plugin, project: Path) -> None:
    _run(engine, "setsid sleep 1000 & nohup sleep 1000 & echo started")
    assert processes.left(project / ".trainup") == []


def test_a_killed_supervisor_is_never_counted_as_completed(engine: Plugin, project: Path) -> None:
    os.mkfifo(project / "go")
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(_run, engine, f"echo started; read line < '{project}/go'")
        engine.engine.wait_for("started")
        ours = processes.of(project / ".trainup")
        (supervisor,) = (process for process in ours if "trainup.jobs.local.supervisor" in process.cmdline())
        supervisor.kill()
        with pytest.raises(Failed, match="NotResponding") as caught:
            creating.result()
    assert caught.value.outputs["log_tail"] == ["started"]
    assert json.loads(next(project.rglob("status.json")).read_text())["status"] == "NotResponding"
    assert processes.left(project / ".trainup") == []


def test_a_job_file_of_azure_ml_runs_on_this_machine_as_well(engine: Plugin, project: Path) -> None:
    (project / "code").mkdir()
    (project / "code" / "main.py").write_text("import sys; open(sys.argv[2] + '/n', 'w').write(sys.argv[1])")
    (project / "job.yml").write_text(
        "type: command\n"
        "code: code\n"
        "environment: azureml:fastai2:1\n"
        "compute: azureml:gpu-cluster\n"
        "command: python main.py ${{inputs.epochs}} ${{outputs.report}} && echo done\n"
        "inputs: {epochs: 5}\n"
        "outputs: {report: {}}\n"
    )
    checked, failures = engine.check(RUN, {**GIVEN, "job": "job.yml"})
    assert failures == {}
    made = engine.create(RUN, checked)
    assert made.outputs["status"] == "Completed"
    assert "done" in engine.engine.lines()
    assert (project / made.outputs["outputs_uri"] / "report" / "n").read_text() == "5"
    (project / "job.yml").write_text((project / "job.yml").read_text().replace("epochs: 5", "epochs: 6"))
    changed, _ = engine.check(RUN, {**GIVEN, "job": "job.yml"})
    diff = engine.diff(made, changed)
    assert [path for path in diff.replaces if path.startswith("definition")] == ["definition.inputs.epochs.value"]


def test_the_plugin_ends_when_its_standard_input_closes(engine: Plugin) -> None:
    assert engine.process.stdin
    engine.process.stdin.close()
    assert engine.process.wait(30) == 0


def test_the_plugin_ends_on_an_interrupt_whichever_thread_gets_it(engine: Plugin) -> None:
    assert engine.check(RUN, {})[1]  # its main thread waits for the end
    processes.interrupt_beside(Process(engine.process.pid))
    assert engine.process.wait(3) == 0, "the engine kills after five seconds"
