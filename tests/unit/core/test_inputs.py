"""From a run's inputs to its spec, with every finding at once."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core import input_assets
from trainup.core.choices import OnFailure
from trainup.core.inputs import COMPUTED, FIELDS, IDENTITY_INPUTS, Finding, parse_run
from trainup.core.spec import IDENTITY_FIELDS
from trainup.core.values import UNKNOWN, Secret

MINIMAL: dict[str, Any] = {"run": "digits", "target": "local", "workspace": ".trainup/test", "command": ["true"]}
SCRIPT: dict[str, Any] = {**MINIMAL, "command": None, "source": "code", "script": "main.py", "snapshot_digest": "ab"}


def _findings(**inputs: Any) -> dict[str, str]:
    return {item.property: item.reason for item in parse_run({**MINIMAL, **inputs})[1]}


def _digest(**inputs: Any) -> str:
    parsed, findings = parse_run({**MINIMAL, **inputs})
    assert findings == []
    assert parsed.spec is not None
    return parsed.spec.digest()


def test_a_script_is_run_by_python_with_its_arguments() -> None:
    parsed, findings = parse_run({**SCRIPT, "arguments": ["--epochs", "5"]})
    assert findings == []
    assert parsed.spec is not None
    assert parsed.spec.command == ("python", "main.py", "--epochs", "5")


def test_all_findings_come_at_once_and_in_the_same_order() -> None:
    given = {"nodes": 0, "command": [], "timeout": "soon", "wait": "yes", "zeta": 1, "alpha": 1, "retries": -1}
    findings = parse_run(given)[1]
    assert [item.property for item in findings] == [
        "alpha",
        "zeta",
        "command",
        "nodes",
        "timeout",
        "retries",
        "wait",
        "run",
        "target",
        "workspace",
    ]


@pytest.mark.parametrize(
    ("inputs", "at", "says"),
    [
        ({"nodes": 0}, "nodes", "0 is out of range"),
        ({"nodes": 1.5}, "nodes", "1.5 is no whole number"),
        ({"nodes": math.inf}, "nodes", "inf is no whole number"),
        ({"nodes": True}, "nodes", "True is no whole number"),
        ({"command": []}, "command", "the command is empty"),
        ({"command": "python x.py"}, "command", "is no list"),
        ({"command": ["a", 5]}, "command[1]", "5 is not text; put it in quotes"),
        ({"command": ["a\0b"]}, "command[0]", "NUL"),
        ({"command": ["\ud800"]}, "command[0]", "surrogate"),
        ({"command": [Secret("hunter2")]}, "command[0]", "pass it by `secrets`"),
        ({"environment_variables": {"A": 5}}, "environment_variables['A']", "put it in quotes"),
        ({"environment_variables": {"A=B": "x"}}, "environment_variables['A=B']", "letters, digits and underscores"),
        ({"environment_variables": {"a-b": "x"}}, "environment_variables['a-b']", "letters, digits and underscores"),
        ({"environment_variables": {"RANDOM": "x"}}, "environment_variables['RANDOM']", "set by the shell itself"),
        ({"secrets": {"my-token": "x"}}, "secrets['my-token']", "letters, digits and underscores"),
        ({"secrets": {"1st": "x"}}, "secrets['1st']", "letters, digits and underscores"),
        ({"secrets": {"a\n": "x"}}, "secrets['a\\n']", "letters, digits and underscores"),
        ({"secrets": {"é": "x"}}, "secrets['é']", "letters, digits and underscores"),
        ({"secrets": {"SHELLOPTS": "x"}}, "secrets['SHELLOPTS']", "set by the shell itself"),
        ({"secrets": {"A": "pl4nted\ud800"}}, "secrets['A']", "the value of a secret must be text without"),
        ({"environment_variables": {"TRAINUP_TOKEN": "x"}}, "environment_variables['TRAINUP_TOKEN']", "set by trainup"),
        ({"secrets": {"A": 5}}, "secrets['A']", "must be text"),
        ({"secrets": {"A": "x"}, "environment_variables": {"A": "y"}}, "secrets['A']", "keep one of the two"),
        ({"script": "main.py"}, "script", "both are given"),
        ({"command": None}, "script", "neither is given"),
        ({"arguments": ["x"]}, "arguments", "write them into the command"),
        ({"command": None, "script": "x.py"}, "source", "give `source` as well"),
        ({"command": None, "source": "c", "script": "../x.py"}, "script", "leaves the source folder"),
        ({"command": None, "source": "c", "script": "/x.py"}, "script", "leaves the source folder"),
        ({"run": "A"}, "run", "'A' is no name for a run"),
        ({"target": "moon"}, "target", "'moon' is none of local, azure"),
        ({"target": {}}, "target", "{} is none of local, azure"),
        ({"on_failure": []}, "on_failure", "[] is none of fail, keep"),
        ({"timeout": {}}, "timeout", "is no length of time"),
        ({"timeout": 10**400}, "timeout", "less than a year"),
        ({"inputs": {"d": {"uri": "x"}}}, "inputs['d']", "`digest` is missing"),
        (
            {"inputs": {"d": {"uri": "x", "digest": "y", "z": "w"}}},
            "inputs['d']['z']",
            "`uri`, `digest`, `path`, `type` and `mode`",
        ),
        (
            {"inputs": {"d": {"uri": "x", "digest": "y", "mode": "copy"}}},
            "inputs['d']['mode']",
            "'copy' is none of ro_mount",
        ),
        ({"inputs": {"a-b": {"uri": "x", "digest": "y"}}}, "inputs['a-b']", "'a-b' is no name here"),
        ({"inputs": {"d": {"value": "$HOME"}}}, "inputs['d']['value']", "the shell would act on"),
        ({"outputs": {"trainup_checkpoints": {}}}, "outputs['trainup_checkpoints']", "trainup's own"),
        ({"outputs": {"m": {"mode": "copy"}}}, "outputs['m']['mode']", "'copy' is none of rw_mount"),
        ({"distribution": {"type": "mpi"}}, "distribution", "'mpi' is for Azure"),
        ({"distribution": {"type": "ray"}}, "distribution", "'ray' is none of pytorch, mpi, tensorflow"),
        ({"shm_size": "a lot"}, "shm_size", "no size of memory"),
        ({"identity": "me"}, "identity", "neither the client id"),
        ({"node_price": -1}, "node_price", "is no price"),
        ({"queue_tier": "gold"}, "queue_tier", "'gold' is none of spot"),
        ({"distribution": {}}, "distribution", "needs a Python script"),
        ({"nodes": 2}, "nodes", "needs a Python script"),
        ({"sweep": {}}, "sweep", "a sweep is a run with `sweep`, whose command takes"),
        ({"command": ["x", "${{inputs.data}}"]}, "command", "${{inputs.data}} names no input of this run"),
    ],
)
def test_each_mistake_is_named_where_it_was_typed(inputs: dict[str, Any], at: str, says: str) -> None:
    assert says in _findings(**inputs)[at]


def test_an_input_in_the_arguments_is_checked_as_one_in_the_command() -> None:
    _, findings = parse_run({**SCRIPT, "arguments": ["${{ inputs.data }}"], "inputs": {}})
    assert [item.property for item in findings] == ["arguments"]


def test_a_command_may_use_its_inputs_and_outputs() -> None:
    data = {"data": {"uri": "/data", "digest": "ab"}}
    assert _findings(command=["x", "${{inputs.data}}/a", "${{outputs.model}}"], inputs=data) == {}


def test_no_finding_shows_a_secret() -> None:
    planted = {name: Secret("hunter2") for name in FIELDS if name not in COMPUTED}
    findings = parse_run(planted)[1]
    assert len(findings) >= len(FIELDS) - len(COMPUTED) - 1
    assert "hunter2" not in str(findings)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(UNKNOWN) | st.text().map(Secret),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | inner.map(Secret),
    max_leaves=6,
)


@given(st.fixed_dictionaries({}, optional={name: JSON for name in FIELDS}))
def test_any_inputs_give_a_spec_or_findings_or_wait_for_what_is_unknown(inputs: dict[str, Any]) -> None:
    parsed, findings = parse_run(inputs)
    assert all(isinstance(item, Finding) and item.reason for item in findings)
    if findings:
        assert parsed.spec is None
    elif parsed.spec is not None:
        assert len(parsed.spec.digest()) == 64


@pytest.mark.parametrize(
    "name", [name for name in IDENTITY_INPUTS if name not in ("script", "arguments", "score", "job")]
)
def test_while_identity_is_unknown_there_is_no_digest(name: str) -> None:
    parsed, findings = parse_run({**MINIMAL, name: UNKNOWN})
    assert findings == []
    assert parsed.spec is None


def test_every_identity_field_has_inputs_that_it_depends_on() -> None:
    assert set(IDENTITY_FIELDS) - {"snapshot", "shell"} <= set(IDENTITY_INPUTS)


def test_policy_that_is_unknown_does_not_hide_the_digest() -> None:
    assert _digest(description=UNKNOWN, timeout=UNKNOWN, tags={"a": UNKNOWN}) == _digest()


def test_a_secret_that_is_unknown_counts_by_its_name() -> None:
    assert _digest(secrets={"TOKEN": Secret(UNKNOWN)}) == _digest(secrets={"TOKEN": Secret("x")})


@pytest.mark.parametrize("secrets", [UNKNOWN, Secret(UNKNOWN)])
def test_secrets_whose_names_are_unknown_are_no_mistake(secrets: Any) -> None:
    parsed, findings = parse_run({**MINIMAL, "secrets": secrets})
    assert findings == []
    assert parsed.spec is None


def test_a_distribution_of_an_unknown_command_is_no_mistake() -> None:
    assert parse_run({**MINIMAL, "command": UNKNOWN, "distribution": {"type": "pytorch"}, "nodes": 2})[1] == []


def test_only_the_names_of_secrets_are_identity() -> None:
    assert _digest(secrets={"A": Secret("x")}) == _digest(secrets=Secret({"A": "y"})) != _digest(secrets={"B": "x"})


def test_a_default_inside_the_distribution_changes_no_digest() -> None:
    inputs: dict[str, Any] = {"command": ["python", "x.py"]}
    written = _digest(**inputs, distribution={"type": "pytorch", "process_count_per_node": 1})
    assert written == _digest(**inputs, distribution={})


def test_where_data_lies_is_no_identity_and_what_it_is_is() -> None:
    one = _digest(inputs={"d": {"uri": "/a", "digest": "1"}})
    assert (
        one
        == _digest(inputs={"d": {"uri": "/b", "digest": "1"}})
        != _digest(inputs={"d": {"uri": "/a", "digest": "2"}})
    )


def test_whole_floats_are_counts() -> None:
    assert _digest(command=["python", "x"], nodes=2.0) == _digest(command=["python", "x"], nodes=2)


def test_policy_arrives_in_the_spec() -> None:
    parsed, _ = parse_run({**MINIMAL, "timeout": "2m", "on_failure": "keep", "retries": 2.0, "wait": False})
    assert parsed.spec is not None
    assert (parsed.spec.timeout, parsed.spec.on_failure) == (120, OnFailure.KEEP)
    assert (parsed.spec.retries, parsed.spec.wait) == (2, False)


WORKSPACE = (
    "/subscriptions/5ab0f3e2-0000-4000-8000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws"
)
AZURE: dict[str, Any] = {**MINIMAL, "target": "azure", "workspace": WORKSPACE}


@pytest.mark.parametrize(
    ("inputs", "at", "says"),
    [
        ({"workspace": "ws"}, "workspace", "is no id of Microsoft.MachineLearningServices/workspaces"),
        ({"cluster": "gpu"}, "cluster", "is no id of Microsoft.MachineLearningServices/workspaces/computes"),
        ({"cluster": f"{WORKSPACE}/computes/gpu", "queue_tier": "spot"}, "queue_tier", "runs without a cluster"),
        ({"size": "STANDARD_NC6"}, "size", "was retired"),
        ({"tags": {f"t{n}": "x" for n in range(31)}}, "tags", "room for 30"),
        ({"tags": {"trainup.id": "x"}}, "tags['trainup.id']", "trainup's own"),
        ({"tags": {"long": "x" * 1001}}, "tags['long']", "at most 100 characters"),
        ({"timeout": "40d"}, "timeout", "after 30 days"),
        ({"inputs": {"d": {"uri": "data/", "digest": "y"}}}, "inputs['d']['uri']", "no address that Azure ML reads"),
    ],
)
def test_what_azure_would_refuse_is_refused_here(inputs: dict[str, Any], at: str, says: str) -> None:
    found = {item.property: item.reason for item in parse_run({**AZURE, **inputs})[1]}
    assert says in found[at]


@pytest.mark.parametrize("distribution", ["mpi", "tensorflow"])
def test_what_this_machine_cannot_distribute_azure_can(distribution: str) -> None:
    assert parse_run({**AZURE, "distribution": {"type": distribution}, "nodes": 2})[1] == []


def test_how_data_gets_to_a_node_changes_no_digest_and_which_part_of_it_does() -> None:
    data = {"uri": "x", "digest": "1"}
    assert _digest(inputs={"d": data}) == _digest(inputs={"d": {**data, "mode": "download", "type": "uri_file"}})
    assert _digest(inputs={"d": data}) != _digest(inputs={"d": {**data, "path": "a"}})


def test_a_default_of_an_output_changes_no_digest() -> None:
    assert _digest(outputs={"m": {}}) == _digest(outputs={"m": {"mode": "rw_mount"}}) != _digest()


def test_an_output_that_the_command_names_is_one() -> None:
    used = {"command": ["x", "${{outputs.model}}"]}
    assert _digest(**used) == _digest(**used, outputs={"model": {}})


def test_a_job_file_says_what_runs_and_policy_beside_it_wins() -> None:
    definition = {
        "shell_command": "python a.py && echo",
        "timeout": "1h",
        "display_name": "file",
        "image": "azureml:a:1",
    }
    given = {
        **AZURE,
        "command": None,
        "job": "job.yml",
        "definition": definition,
        "display_name": "stack",
        "image": "i",
    }
    parsed, findings = parse_run(given)
    assert findings == []
    assert parsed.spec is not None
    assert (parsed.spec.command, parsed.spec.shell) == (("python a.py && echo",), True)
    assert (parsed.spec.timeout, parsed.spec.display_name, parsed.spec.image) == (3600, "stack", "azureml:a:1")


def test_what_a_job_file_says_may_not_be_said_again() -> None:
    found = _findings(command=None, job="job.yml", definition={"shell_command": "x"}, source="code")
    assert "`job` names a file that says what runs" in found["source"]


@pytest.mark.parametrize("key", ["uri", "digest", "path", "type", "mode"])
def test_a_part_of_a_data_input_may_still_be_unknown(key: str) -> None:
    """An output of another resource is, in a first preview."""
    item = {"uri": "data", "digest": "sha256:1", "path": "a", "type": "uri_file", "mode": "download"}
    assert input_assets.data_input({**item, key: UNKNOWN})[key] is UNKNOWN
