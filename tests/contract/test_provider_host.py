"""The plugin as the engine sees it: a real process, spoken to over gRPC."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.core import wire
from trainup.core.values import UNKNOWN, Secret
from trainup.core.version import VERSION

SECRET = "pl4nted-s3cret"
RUN = urn("Run", "digits")
GIVEN = {"run": "digits", "target": "local", "workspace": ".trainup/test"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder, which stays empty."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def idle(project: Path) -> Iterator[Plugin]:
    """A plugin for calls that leave nothing behind."""
    with plugin(project) as made:
        yield made


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


def test_a_run_never_starts_from_what_is_unknown(idle: Plugin, project: Path) -> None:
    checked, _ = idle.check(RUN, {**GIVEN, "command": ["sh", UNKNOWN]})
    with pytest.raises(Failed, match="still unknown"):
        idle.create(RUN, checked)
    assert not (project / ".trainup").exists()


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


def test_a_preview_writes_nothing(idle: Plugin, project: Path) -> None:
    before = sorted(project.rglob("*"))
    for kind, inputs in {
        "Run": {**GIVEN, "command": ["true"]},
        "Image": {"workspace": ".trainup/test", "builder": "venv"},
        "Pool": {"workspace": ".trainup/test", "name": "gpu", "max_nodes": 1},
        "Server": {"workspace": ".trainup/test", "tracking": "none"},
    }.items():
        checked, failures = idle.check(urn(kind, "x"), inputs)
        assert failures == {}
        idle.plan(urn(kind, "x"), checked)
    assert sorted(project.rglob("*")) == before


# Secrets.


@pytest.mark.parametrize("at", ["command", "tags", "environment_variables"])
def test_a_secret_where_it_would_be_readable_is_refused_without_showing_it(idle: Plugin, at: str) -> None:
    nested: Any = ["x", Secret(SECRET)] if at == "command" else {"A": Secret(SECRET)}
    _, failures = idle.check(RUN, {**GIVEN, "command": ["true"], at: nested})
    assert "pass it by `secrets`" in str(failures)
    assert SECRET not in str(failures)


def test_a_secret_as_an_output_value_stays_one(idle: Plugin) -> None:
    inputs = wire.encode({**GIVEN, "command": ["true"]})
    value = inputs.fields["secrets"].struct_value.fields["TOKEN"].struct_value
    value.fields[wire.SIGNATURE].string_value = wire.OUTPUT_VALUE
    value.fields["value"].string_value = SECRET
    value.fields["secret"].bool_value = True
    checked = idle.stub.Check(provider_pb2.CheckRequest(urn=RUN, news=inputs)).inputs
    assert (
        checked.fields["secrets"].struct_value.fields["TOKEN"].struct_value.fields[wire.SIGNATURE].string_value
        == wire.SECRET
    )


def test_config_is_accepted_never_logged_and_never_a_change(idle: Plugin, project: Path) -> None:
    config = struct_pb2.Struct()
    config.update({"runs": SECRET, "version": "1"})
    checked = idle.stub.CheckConfig(provider_pb2.CheckRequest(urn="p", news=config))
    assert not checked.failures
    answer = idle.stub.Configure(provider_pb2.ConfigureRequest(variables={"trainup:config:a": SECRET}, args=config))
    assert answer.acceptSecrets
    other = struct_pb2.Struct()
    other.update({"runs": "changed"})
    diff = idle.stub.DiffConfig(provider_pb2.DiffRequest(olds=config, news=other, old_inputs=config))
    assert diff.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert SECRET not in str(idle.engine.logged)
    assert [path for path in project.rglob("*") if path.is_file() and SECRET in path.read_text()] == []
    assert idle.stub.Handshake(provider_pb2.ProviderHandshakeRequest()).accept_secrets


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


def test_a_script_that_is_not_there_is_named(idle: Plugin, tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    _, failures = idle.check(RUN, {**GIVEN, "source": str(tmp_path), "script": "mian.py"})
    assert "mian.py does not exist" in failures["script"]


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
def test_damaged_state_is_told_without_a_trace_and_kept(idle: Plugin, tmp_path: Path, file: str, content: str) -> None:
    path = tmp_path / "ws" / file
    path.parent.mkdir(parents=True)
    path.write_text(content)
    kind, inputs = ("Server", {"tracking": "none"}) if "mlflow" in file else ("Pool", {"name": "gpu", "max_nodes": 1})
    resource = Resource(urn(kind, "x"), "gpu", {"workspace": str(tmp_path / "ws"), **inputs})
    resource.outputs = resource.inputs
    with pytest.raises(Failed) as caught:
        idle.create(resource.urn, resource.inputs) if file == "workspace.json" else idle.read(resource)
    assert path.name in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert path.read_text() == content


def test_an_input_that_the_command_does_not_have_harms_no_other_run(idle: Plugin) -> None:
    _, failures = idle.check(RUN, {**GIVEN, "command": ["x", "${{inputs.data}}"]})
    assert failures.keys() == {"command"}


def test_a_struct_may_hold_what_json_may_not() -> None:
    struct = wire.encode({"a": [math.nan, {"b": math.inf}], "half\ud800": "\udfff", "big": 1e300})
    assert wire.decode(struct) == {"a": ["NaN", {"b": "Infinity"}], "half?": "?", "big": int(1e300)}


def test_mistakes_in_a_job_file_are_told_in_the_preview(idle: Plugin, tmp_path: Path) -> None:
    path = tmp_path / "job.yml"
    path.write_text("command: x\ncomand: x\n")
    _, failures = idle.check(RUN, {**GIVEN, "job": str(path)})
    assert "comand: a command job has no such key" in failures["job"]


SWEEP_JOB = """\
type: sweep
trial: {command: "echo ${{search_space.lr}}", environment: azureml:a:1}
sampling_algorithm: grid
search_space: {lr: {type: choice, values: [0.1, 0.2]}}
objective: {primary_metric: loss, goal: minimize}
"""


def test_a_sweep_job_is_for_a_sweep_which_takes_what_the_file_says(idle: Plugin, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yml"
    space = "search_space: {lr: [0.1, 0.2]}\nobjective: {primary_metric: loss, goal: minimize}\n"
    trial = "trial: {command: 'echo ${{search_space.lr}}', environment: 'azureml:a:1'}\n"
    path.write_text(
        f"type: sweep\nsampling_algorithm: grid\n{trial}{space}".replace(
            "[0.1, 0.2]", "{type: choice, values: [0.1, 0.2]}"
        )
    )
    _, failures = idle.check(RUN, {**GIVEN, "job": str(path)})
    assert failures["job"].endswith("is a sweep job, and a run has one command: declare a TrainingSweep for it")
    completed, failures = idle.check(urn("Sweep", "a"), {**GIVEN, "command": None, "job": str(path)})
    assert failures == {}
    assert completed["sweep"]["search_space"] == {"lr": {"type": "choice", "values": [0.1, 0.2]}}
    assert completed["definition"] == {"shell_command": "echo ${{search_space.lr}}", "image": "azureml:a:1"}


# Versions.


def test_a_program_of_another_version_is_refused_in_a_sentence(idle: Plugin) -> None:
    request = provider_pb2.InvokeRequest(
        tok="trainup:index:check", args=wire.encode({"resources": "[]", "version": "99.0.0"})
    )
    with pytest.raises(grpc.RpcError, match=r"the program uses trainup 99\.0\.0, and the plugin is that of trainup"):
        idle.stub.Invoke(request)
    for version in ({"version": VERSION}, {}):
        answer = idle.stub.Invoke(
            provider_pb2.InvokeRequest(tok="trainup:index:check", args=wire.encode({"resources": "[]", **version}))
        )
        assert wire.decode(getattr(answer, "return")) == {"findings": "[]"}
