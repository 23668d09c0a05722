"""The plugin as the engine sees it: a real process, spoken to over gRPC."""

import json
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from tests.support import processes
from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.core import wire
from trainup.core.values import UNKNOWN, Secret

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


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    """A plugin for calls that leave nothing behind."""
    with plugin(tmp_path_factory.mktemp("idle")) as made:
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


# Unknown values.


@pytest.mark.parametrize("text", sorted(wire.UNKNOWN_TEXTS))
def test_a_digest_over_an_unknown_is_unknown(idle: Plugin, text: str) -> None:
    inputs = wire.encode({**GIVEN, "command": ["true"]})
    inputs.fields["image"].string_value = text
    answer = idle.stub.Check(provider_pb2.CheckRequest(urn=RUN, news=inputs))
    assert not answer.failures
    assert wire.decode(answer.inputs)["digest"] is UNKNOWN
    planned = idle.plan(RUN, wire.decode(answer.inputs))
    assert (planned["digest"], planned["status"], planned["workspace"]) == (UNKNOWN, UNKNOWN, ".trainup/test")


@pytest.mark.parametrize(
    "inputs",
    [
        {"command": ["sh", UNKNOWN]},
        {"command": ["sh"], "environment_variables": {"A": UNKNOWN}},
        {"command": ["sh"], "environment_variables": {"A": Secret(UNKNOWN)}},
        {"command": ["sh"], "after": {"first": UNKNOWN}},
        {"command": ["sh"], "nodes": UNKNOWN},
        {"command": ["sh"], "secrets": Secret(UNKNOWN)},
        {"source": UNKNOWN, "script": "main.py"},
    ],
)
def test_an_unknown_at_any_depth_is_no_mistake_and_no_digest(idle: Plugin, inputs: dict[str, Any]) -> None:
    checked, failures = idle.check(RUN, {**GIVEN, **inputs})
    assert failures == {}
    assert checked["digest"] is UNKNOWN


def test_a_run_never_starts_from_what_is_unknown(engine: Plugin, project: Path) -> None:
    checked, _ = engine.check(RUN, {**GIVEN, "command": ["sh", UNKNOWN]})
    with pytest.raises(Failed, match="still unknown"):
        engine.create(RUN, checked)
    assert not (project / ".trainup").exists()


def test_the_digest_of_a_preview_is_the_digest_of_the_run(engine: Plugin) -> None:
    checked, _ = engine.check(RUN, {**GIVEN, "command": ["true"]})
    assert engine.plan(RUN, checked)["digest"] == checked["digest"]
    assert engine.create(RUN, checked).outputs["digest"] == checked["digest"]


@pytest.mark.parametrize(
    ("kind", "inputs", "unknown"),
    [
        ("Image", {"workspace": ".trainup/test", "builder": "venv", "requirements": UNKNOWN}, "reference"),
        ("Image", {"workspace": UNKNOWN, "builder": "venv"}, "workspace"),
        ("Pool", {"workspace": UNKNOWN, "name": UNKNOWN, "max_nodes": UNKNOWN}, "max_nodes"),
        ("Server", {"workspace": UNKNOWN, "tracking": UNKNOWN}, "tracking_uri"),
    ],
)
def test_every_kind_plans_with_unknown_inputs(idle: Plugin, kind: str, inputs: Any, unknown: str) -> None:
    checked, failures = idle.check(urn(kind, "x"), inputs)
    assert failures == {}
    assert idle.plan(urn(kind, "x"), checked)[unknown] is UNKNOWN


def test_a_preview_writes_nothing(engine: Plugin, project: Path) -> None:
    before = sorted(project.rglob("*"))
    for kind, inputs in {
        "Run": {**GIVEN, "command": ["true"]},
        "Image": {"workspace": ".trainup/test", "builder": "venv"},
        "Pool": {"workspace": ".trainup/test", "name": "gpu", "max_nodes": 1},
        "Server": {"workspace": ".trainup/test", "tracking": "none"},
    }.items():
        checked, failures = engine.check(urn(kind, "x"), inputs)
        assert failures == {}
        engine.plan(urn(kind, "x"), checked)
    assert sorted(project.rglob("*")) == before


# Numbers.


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


# Secrets.


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


def _files(project: Path) -> list[Path]:
    return [path for path in project.rglob("*") if path.is_file()]


@pytest.mark.parametrize("at", ["command", "tags", "environment_variables"])
def test_a_secret_where_it_would_be_readable_is_refused_without_showing_it(idle: Plugin, at: str) -> None:
    nested: Any = ["x", Secret(SECRET)] if at == "command" else {"A": Secret(SECRET)}
    _, failures = idle.check(RUN, {**GIVEN, "command": ["true"], at: nested})
    assert "pass it by `secrets`" in str(failures)
    assert SECRET not in str(failures)


def test_a_secret_as_an_output_value_stays_one(engine: Plugin) -> None:
    inputs = wire.encode({**GIVEN, "command": ["true"]})
    value = inputs.fields["secrets"].struct_value.fields["TOKEN"].struct_value
    value.fields[wire.SIGNATURE].string_value = wire.OUTPUT_VALUE
    value.fields["value"].string_value = SECRET
    value.fields["secret"].bool_value = True
    checked = engine.stub.Check(provider_pb2.CheckRequest(urn=RUN, news=inputs)).inputs
    assert (
        checked.fields["secrets"].struct_value.fields["TOKEN"].struct_value.fields[wire.SIGNATURE].string_value
        == wire.SECRET
    )


def test_config_is_accepted_never_logged_and_never_a_change(engine: Plugin, project: Path) -> None:
    config = struct_pb2.Struct()
    config.update({"runs": SECRET, "version": "1"})
    checked = engine.stub.CheckConfig(provider_pb2.CheckRequest(urn="p", news=config))
    assert not checked.failures
    answer = engine.stub.Configure(provider_pb2.ConfigureRequest(variables={"trainup:config:a": SECRET}, args=config))
    assert answer.acceptSecrets
    other = struct_pb2.Struct()
    other.update({"runs": "changed"})
    diff = engine.stub.DiffConfig(provider_pb2.DiffRequest(olds=config, news=other, old_inputs=config))
    assert diff.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert SECRET not in str(engine.engine.logged)
    assert [path for path in _files(project) if SECRET in path.read_text()] == []
    assert engine.stub.Handshake(provider_pb2.ProviderHandshakeRequest()).accept_secrets


# Waiting and ending.


@pytest.mark.slow
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


def test_the_plugin_ends_when_its_standard_input_closes(engine: Plugin) -> None:
    assert engine.process.stdin
    engine.process.stdin.close()
    assert engine.process.wait(30) == 0


# What a user gets wrong.


def test_all_findings_come_at_once(idle: Plugin) -> None:
    wrong = {
        "run": "No Name",
        "target": "moon",
        "workspace": ".trainup/test",
        "command": [],
        "source": "missing",
        "nodes": 0,
        "retries": "many",
        "wait": "yes",
        "colour": "red",
        "allow_secrets": [{}],
    }
    _, failures = idle.check(RUN, wrong)
    assert failures.keys() == {
        "run", "target", "command", "source", "nodes", "retries", "wait", "colour", "allow_secrets[0]"
    }  # fmt: skip
    assert "missing does not exist" in failures["source"]


def test_a_script_that_is_not_there_is_named(engine: Plugin, project: Path) -> None:
    source = _python(project, "")
    _, failures = engine.check(RUN, {**GIVEN, **source, "script": "mian.py"})
    assert "code/mian.py does not exist" in failures["script"]


@pytest.mark.parametrize(
    ("kind", "inputs", "at"),
    [
        ("Image", {"workspace": "w", "builder": "magic"}, {"builder"}),
        ("Image", {"workspace": "w", "builder": "venv", "requirements": "none.txt", "x": 1}, {"requirements", "x"}),
        ("Image", {"workspace": "w", "builder": "venv", "requirements": 5, "python": 3}, {"requirements", "python"}),
        ("Pool", {"workspace": "w", "name": "../x", "max_nodes": 0}, {"name", "max_nodes"}),
        ("Pool", {"workspace": 5, "name": 5, "max_nodes": "2"}, {"workspace", "name", "max_nodes"}),
        ("Server", {"tracking": "ftp://x"}, {"workspace", "tracking"}),
    ],
)
def test_every_kind_names_each_mistake(idle: Plugin, kind: str, inputs: dict[str, Any], at: set[str]) -> None:
    assert idle.check(urn(kind, "x"), inputs)[1].keys() == at


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(idle: Plugin) -> None:
    with pytest.raises(Failed, match=r"'trainup:index:Ruin' is no resource of trainup; there are .*trainup:index:Run"):
        idle.check(urn("Ruin", "x"), {})


@pytest.mark.parametrize("file", ["workspace.json", "slots/gpu/pool.json", "mlflow/server.json"])
@pytest.mark.parametrize("content", ["{", '{"version": 9}'])
def test_damaged_state_is_told_without_a_trace_and_kept(engine: Plugin, project: Path, file: str, content: str) -> None:
    path = project / ".trainup" / "test" / file
    path.parent.mkdir(parents=True)
    path.write_text(content)
    kind, inputs = ("Server", {"tracking": "none"}) if "mlflow" in file else ("Pool", {"name": "gpu", "max_nodes": 1})
    resource = Resource(urn(kind, "x"), "gpu", {"workspace": ".trainup/test", **inputs})
    resource.outputs = resource.inputs
    with pytest.raises(Failed) as caught:
        engine.create(resource.urn, resource.inputs) if file == "workspace.json" else engine.read(resource)
    assert path.name in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert path.read_text() == content


def test_an_input_that_the_command_does_not_have_harms_no_other_run(engine: Plugin) -> None:
    _, failures = engine.check(RUN, {**GIVEN, "command": ["x", "${{inputs.data}}"]})
    assert failures.keys() == {"command"}


# How a run ends.


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


def test_a_struct_may_hold_what_json_may_not() -> None:
    struct = wire.encode({"a": [math.nan, {"b": math.inf}], "half\ud800": "\udfff", "big": 1e300})
    assert wire.decode(struct) == {"a": ["NaN", {"b": "Infinity"}], "half?": "?", "big": int(1e300)}


# What runs, told by a job file.


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


def test_mistakes_in_a_job_file_are_told_in_the_preview(idle: Plugin, tmp_path: Path) -> None:
    path = tmp_path / "job.yml"
    path.write_text("command: x\ncomand: x\n")
    _, failures = idle.check(RUN, {**GIVEN, "job": str(path)})
    assert "comand: a command job has no such key" in failures["job"]
