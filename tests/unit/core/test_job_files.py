"""Job files of Azure ML's CLI v2 as definitions of runs."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from trainup.core.inputs import parse_run
from trainup.core.job_files.reading import read
from trainup.core.wire import encode
from trainup.jobs.azure.job.body import STARTED_BY, References, to_command_job
from trainup.jobs.azure.job.submission import cluster_of
from trainup.jobs.azure.platform.environments import environment_id
from trainup.jobs.target import Job, Owner

WORKSPACE = (
    "/subscriptions/5ab0f3e2-0000-4000-8000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws"
)
CLIENT = "5ab0f3e2-0000-4000-8000-00000000000a"
REGISTRY = "azureml://registries/azureml/environments/acpt-pytorch/versions/25"
COMMAND = "python train.py --epochs ${{inputs.epochs}} --data ${{inputs.pets}} && cp x ${{outputs.model}}"
FULL: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json",
    "type": "command",
    "display_name": "pets",
    "description": "cats",
    "experiment_name": "exp",
    "command": COMMAND,
    "code": "./src",
    "environment": "azureml:fastai2:3",
    "compute": "azureml:gpu-cluster",
    "inputs": {
        "epochs": 5,
        "flag": "True",
        "pets": {"type": "uri_folder", "path": "azureml:pets:2", "mode": "download"},
        "raw": {"path": "azureml://datastores/workspaceblobstore/paths/raw/"},
    },
    "outputs": {"model": {"type": "uri_folder", "mode": "upload"}, "report": {}},
    "distribution": {"type": "pytorch", "process_count_per_instance": 2},
    "resources": {"instance_count": 2, "shm_size": "16g", "docker_args": "--ulimit memlock=-1"},
    "limits": {"timeout": 3600},
    "environment_variables": {"A": "b", "N": 5},
    "tags": {"team": "vision"},
    "identity": {"type": "managed", "client_id": CLIENT},
}
REQUEST: dict[str, Any] = {
    "jobType": "Command",
    "command": COMMAND,
    "codeId": f"{WORKSPACE}/codes/c/versions/1",
    "environmentId": f"{WORKSPACE}/environments/fastai2/versions/3",
    "computeId": f"{WORKSPACE}/computes/gpu-cluster",
    "displayName": "pets",
    "description": "cats",
    "experimentName": "exp",
    "isArchived": False,
    "inputs": {
        "epochs": {"jobInputType": "literal", "value": "5"},
        "flag": {"jobInputType": "literal", "value": "True"},
        "pets": {"jobInputType": "uri_folder", "uri": f"{WORKSPACE}/data/pets/versions/2", "mode": "Download"},
        "raw": {"jobInputType": "uri_folder", "uri": "azureml://datastores/workspaceblobstore/paths/raw/"},
    },
    "outputs": {
        "model": {"jobOutputType": "uri_folder", "mode": "Upload"},
        "report": {"jobOutputType": "uri_folder"},
    },
    "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 2},
    "resources": {"instanceCount": 2, "shmSize": "16g", "dockerArgs": "--ulimit memlock=-1"},
    "limits": {"jobLimitsType": "Command", "timeout": "PT1H"},
    "environmentVariables": {"A": "b", "N": "5"},
    "identity": {"identityType": "Managed", "clientId": CLIENT},
}
"""What becomes of it, but for tags and properties; `tests/azure/runs/test_official_requests.py` compares such requests
with those of the official client."""


def definition_of(folder: Path, content: Any) -> tuple[dict[str, Any], list[str]]:
    (folder / "jobs").mkdir(exist_ok=True)
    (folder / "jobs" / "pets.yml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return read(folder, "jobs/pets.yml")


def body_of(folder: Path, content: dict[str, Any], **given: Any) -> dict[str, Any]:
    definition, problems = definition_of(folder, content)
    assert problems == []
    inputs = {
        "run": "pets",
        "target": "azure",
        "workspace": WORKSPACE,
        "job": "jobs/pets.yml",
        "definition": definition,
        "snapshot_digest": "ab",
        "cluster": f"{WORKSPACE}/computes/stack-cluster",
        "image": "stack@sha256:" + "0" * 64,
        "environment": f"{WORKSPACE}/environments/stack/versions/1",
        **given,
    }
    parsed, findings = parse_run(inputs)
    assert findings == []
    assert parsed.spec is not None
    spec = parsed.spec
    job = Job(
        run="pets",
        spec=spec,
        digest=spec.digest(),
        owner=Owner("urn", "t"),
        cluster=parsed.cluster,
        data_inputs=parsed.inputs,
        named_outputs=parsed.outputs,
        identity=parsed.identity,
        environment=parsed.environment,
    )
    references = References(
        workspace=WORKSPACE,
        environment_id=job.environment or environment_id(WORKSPACE, spec.image or ""),
        code_id=f"{WORKSPACE}/codes/c/versions/1" if parsed.source else None,
        compute_id=cluster_of(job, WORKSPACE),
    )
    return dict(to_command_job(job, 1, references)["properties"])


def test_every_key_of_a_file_reaches_the_request(tmp_path: Path) -> None:
    body = body_of(tmp_path, FULL)
    tags, properties = body.pop("tags"), body.pop("properties")
    del body["environmentVariables"][STARTED_BY]
    assert body == REQUEST
    assert tags["team"] == "vision"
    assert all(key.startswith("trainup.") for key in properties)


def test_code_lies_beside_the_file(tmp_path: Path) -> None:
    assert definition_of(tmp_path, FULL)[0]["source"] == "jobs/src"
    assert definition_of(tmp_path, {**FULL, "code": "../src"})[0]["source"] == "src"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("azureml:fastai2:3", f"{WORKSPACE}/environments/fastai2/versions/3"),
        (f"azureml:{WORKSPACE}/environments/a/versions/1", f"{WORKSPACE}/environments/a/versions/1"),
        (REGISTRY, REGISTRY),
    ],
)
def test_an_environment_is_sent_as_the_official_client_sends_it(tmp_path: Path, name: str, sent: str) -> None:
    assert body_of(tmp_path, {"command": "true", "environment": name})["environmentId"] == sent


@pytest.mark.parametrize("kind", ["mltable", "custom_model", "mlflow_model", "triton_model"])
def test_an_output_has_the_type_that_the_file_gives_it(tmp_path: Path, kind: str) -> None:
    body = body_of(tmp_path, {"command": "true", "outputs": {"model": {"type": kind}}})
    assert body["outputs"] == {"model": {"jobOutputType": kind}}


def test_an_output_of_a_type_of_its_own_makes_another_run(tmp_path: Path) -> None:
    digests = set()
    for outputs in ({"model": {}}, {"model": {"type": "uri_folder"}}, {"model": {"type": "mlflow_model"}}):
        definition, _ = definition_of(tmp_path, {"command": "x ${{outputs.model}}", "outputs": outputs})
        given = {"run": "pets", "target": "azure", "workspace": WORKSPACE, "job": "j", "definition": definition}
        parsed, findings = parse_run(given)
        assert parsed.spec is not None, findings
        digests.add(parsed.spec.digest())
    assert len(digests) == 2


def test_what_the_file_leaves_out_comes_from_the_stack(tmp_path: Path) -> None:
    body = body_of(tmp_path, {"command": "true"})
    assert body["computeId"].endswith("/stack-cluster")
    assert body["environmentId"].endswith("/environments/stack/versions/1")


def test_an_image_that_the_file_builds_has_to_be_given(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "Dockerfile").write_text("FROM scratch\n")
    content = {"command": "true", "environment": {"build": {"path": "."}}}
    definition, _ = definition_of(tmp_path, content)
    given = {"run": "pets", "target": "azure", "workspace": WORKSPACE, "job": "jobs/pets.yml", "definition": definition}
    (finding,) = parse_run(given)[1]
    assert (finding.property, "declare a CustomImage of that folder" in finding.reason) == ("job", True)
    assert body_of(tmp_path, content)["environmentId"].endswith("/environments/stack/versions/1")
    assert parse_run({**given, "target": "local", "workspace": "ws"})[1] == []


def test_policy_beside_the_file_wins(tmp_path: Path) -> None:
    body = body_of(tmp_path, FULL, display_name="mine", timeout="2h", shm_size="8g")
    assert (body["displayName"], body["limits"]["timeout"], body["resources"]["shmSize"]) == ("mine", "PT2H", "8g")


def test_without_a_cluster_azure_ml_finds_a_node(tmp_path: Path) -> None:
    content = {
        "command": "true",
        "compute": "azureml:serverless",
        "environment": {"image": "mcr.microsoft.com/a/b:1"},
        "resources": {"instance_type": "Standard_NC4as_T4_v3"},
        "queue_settings": {"job_tier": "Spot"},
        "identity": {"type": "user_identity"},
    }
    body = body_of(tmp_path, content)
    assert "computeId" not in body
    assert body["queueSettings"] == {"jobTier": "Spot"}
    assert body["resources"]["instanceType"] == "Standard_NC4as_T4_v3"
    assert body["identity"] == {"identityType": "UserIdentity"}
    assert "/environments/CliV2AnonymousEnvironment/versions/" in body["environmentId"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("- a\n", "is no job"),
        ("a: [", "is no YAML"),
        ({}, "is no job file"),
        ({"code": "."}, "command: it is missing"),
        ({"command": ""}, "command: '' is no text"),
        ({"command": "x", "type": "pipeline"}, "jobs/pets.yml is a pipeline, and trainup runs command jobs"),
        ({"command": "x", "type": "strange"}, "type: 'strange' is another kind of job"),
        ({"command": "x", "comand": "y"}, "comand: a command job has no such key"),
        ({"command": "x", "name": "mine"}, "name: trainup names jobs itself"),
        (
            {"command": "x", "services": {"a": {"type": "spark_ui"}}},
            "services.a.type: 'spark_ui' is none of jupyter_lab",
        ),
        ({"command": "x", "services": {"a": {"type": "ssh", "nodes": "0"}}}, "services.a.nodes: '0' is not all"),
        ({"command": "x", "services": {"a": {"type": "ssh", "port": "no"}}}, "services.a.port: 'no' is no number"),
        ({"command": "x", "services": {"a": 5}}, "services.a: 5 is no map"),
        ({"command": "x", "code": "git+https://a"}, "code: 'git+https://a' is no folder on this machine"),
        ({"command": "x", "environment": "azureml:a@prod"}, "environment: 'azureml:a@prod' has the label 'prod'"),
        ({"command": "x", "environment": "azureml:a"}, "environment: 'azureml:a' names no version"),
        ({"command": "x", "environment": "< a name >"}, "environment: '< a name >' names no version"),
        ({"command": "x", "environment": "azureml://datastores/a/paths/b"}, "names no version"),
        ({"command": "x", "environment": {"image": "a", 1: "b"}}, "environment.1: there is no such key here"),
        ({"command": "x", "environment": {"image": "A B"}}, "environment.image: 'A B' is no image reference"),
        ({"command": "x", "environment": {"image": "a", "os_type": "windows"}}, "os_type: 'windows' was given"),
        ({"command": "x", "environment": {"name": "a"}}, "environment: it is an image (`image: …`)"),
        ({"command": "x", "environment": "file:none.yml"}, "environment: 'file:none.yml' cannot be read"),
        ({"command": "x", "environment": {"image": "a", "conda_file": "none.yml"}}, "jobs/none.yml cannot be read"),
        (
            {"command": "x", "environment": {"image": "a", "conda_file": {"name": "b"}}},
            "it has a list of `dependencies`",
        ),
        (
            {"command": "x", "environment": {"image": "a", "conda_file": {"dependencies": [{"pip": ["-r a.txt"]}]}}},
            "what is given here includes a file ('-r a.txt')",
        ),
        ({"command": "x", "environment": {"image": "a", "conda_file": "pets.yml"}}, "jobs/pets.yml is no Conda file"),
        ({"command": "x", "environment": {"build": {"path": "none"}}}, "there is no folder jobs/none"),
        ({"command": "x", "environment": {"build": {"path": "."}}}, "there is no jobs/Dockerfile"),
        ({"command": "x", "environment": {"build": {}}}, "environment.build.path: None is no folder"),
        (
            {"command": "x", "environment": {"build": {"path": "https://a/b"}}},
            "'https://a/b' is no folder on this machine",
        ),
        ({"command": "x", "environment": {"image": "a", "build": {"path": "."}}}, "environment.image: `build` makes"),
        ({"command": "x", "compute": "local"}, "compute: 'local' is no cluster"),
        ({"command": "x", "compute": "azureml:"}, "compute: 'azureml:' is no cluster"),
        ({"command": "x", "inputs": {"d": {"path": " "}}}, "inputs.d.path: ' ' is no address of data"),
        (
            {"command": "x", "inputs": {"d": {"path": "azureml:d@old"}}},
            "inputs.d.path: 'azureml:d@old' has the label 'old'",
        ),
        ({"command": "x", "inputs": {"d": {"type": "table", "path": "x"}}}, "inputs.d.type: 'table' is none of"),
        (
            {"command": "x", "inputs": {"d": {"path": "azureml://registries/r/data/d/labels/old"}}},
            "inputs.d.path: 'azureml://registries/r/data/d/labels/old' has the label 'old'",
        ),
        ({"command": "x", "outputs": {"m": {"type": "uri_file"}}}, "outputs.m.type: 'uri_file' is none of"),
        ({"command": "x", "resources": {"shm": "1g"}}, "resources.shm: there is no such key here"),
        ({"command": "x", "resources": {"docker_args": ["--ipc=host"]}}, "resources.docker_args: ['--ipc=host'] is no"),
        ({"command": "x", "limits": {"timeout": "1h"}}, "limits.timeout: '1h' is no number of seconds"),
        ({"command": "x", "limits": {"timeout": True}}, "limits.timeout: true is no number of seconds"),
        ({"command": "x", "identity": {"type": "robot"}}, "identity.type: 'robot' is none of"),
        ({"command": "x", "identity": {"type": ["a"]}}, "identity.type: ['a'] is none of"),
        ("command: x\ntags: {day: 2026-99-99}\n", "is no YAML"),
        pytest.param("[" * 5000, "is no YAML", marks=pytest.mark.slow),
        ({"command": "x", "distribution": 5}, "distribution: 5 is no map"),
        ({"command": "x", "inputs": []}, "inputs: [] is no map"),
        ({"command": "x", "tags": {"a": []}}, "tags.a: [] is no text"),
    ],
)
def test_each_mistake_is_told_with_its_key(tmp_path: Path, content: Any, says: str) -> None:
    _, problems = definition_of(tmp_path, content)
    assert any(says in problem for problem in problems), problems


TEXTS = st.text(max_size=8) | st.sampled_from(["azureml:", "azureml:a:1", "azureml://", "serverless", "/", "./a", "1"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.dates() | st.binary(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.integers(), inner, max_size=3),
    max_leaves=4,
)
WHOLE = {**FULL, "environment": {"image": "a:1"}, "queue_settings": {"job_tier": "Spot"}}
PLACES = [(key,) for key in WHOLE] + [
    (key, inner) for key, item in WHOLE.items() if isinstance(item, dict) for inner in item
]


def changed(places: dict[tuple[str, ...], Any], more: dict[Any, Any]) -> str:
    """The whole file with other values in some places, and something more in every map."""
    content = {key: dict(item) if isinstance(item, dict) else item for key, item in WHOLE.items()}
    for (key, *inner), value in places.items():
        if not inner:
            content[key] = value
        elif isinstance(content[key], dict):
            content[key][inner[0]] = value
    for item in [content, *content.values()]:
        if isinstance(item, dict):
            item.update(more)
    return yaml.dump(content)


DOCUMENTS = st.builds(
    changed,
    st.dictionaries(st.sampled_from(PLACES), VALUES, max_size=4),
    st.dictionaries(TEXTS | st.integers(), VALUES, max_size=1),
)


@example(changed({("command",): None}, {}))
@given(DOCUMENTS | VALUES.map(yaml.dump) | st.text("{}[]:-,&*!|>%@ab01_.='\"\n\t ", max_size=60))
def test_any_text_is_a_definition_or_ends_in_findings(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        definition, problems = definition_of(Path(folder), text)
    assert problems or definition["shell_command"]
    for target in ("azure", "local"):
        given = {"run": "pets", "target": target, "workspace": WORKSPACE, "job": "jobs/pets.yml"}
        parse_run({**given, "definition": definition})


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    _, problems = definition_of(tmp_path, {"x": 1, "y": 2, "code": ".", "type": "strange"})
    assert len(problems) == 4


def test_a_file_that_is_not_there_is_told_by_its_path(tmp_path: Path) -> None:
    assert "jobs/none.yml cannot be read" in read(tmp_path, "jobs/none.yml")[1][0]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("yes", "True"),
        ("true", "True"),
        ("off", "False"),
        ("010", "8"),
        ("0x10", "16"),
        ("1_000", "1000"),
        ("1.10", "1.1"),
        ("1.0e-3", "0.001"),
        ("0.00001", "1e-05"),
        ("+1", "1"),
        ("1:30", "90"),
        (".inf", "inf"),
        ("1.0e+400", "inf"),
        ("2026-01-01T00:00:00Z", "2026-01-01 00:00:00+00:00"),
    ],
)
@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("environment_variables", "{{A: {0}}}"),
        ("tags", "{{A: {0}}}"),
        ("inputs", "{{A: {0}}}"),
        ("inputs", "{{A: {{type: string, value: {0}}}}}"),
        ("inputs", "{{A: {{type: boolean, default: {0}}}}}"),
        ("tags", "{{{0}: x}}"),
        ("tags", "{{<<: {{A: {0}}}}}"),
    ],
)
def test_a_word_that_would_become_another_text_has_to_stand_in_quotes(
    tmp_path: Path, key: str, place: str, written: str, text: str
) -> None:
    _, problems = definition_of(tmp_path, f"command: run\n{key}: {place.format(written)}\n")
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"jobs/pets.yml: {key}.")
    assert f"{written} was written, which YAML takes for a" in problems[0]
    assert f"turns into {text}: put in quotes what is meant, '{written}' or '{text}'" in problems[0]


@pytest.mark.parametrize(
    "written", ["5", "0.001", "1e-3", "2026-01-01", "True", "'010'", '"yes"', "!!str 010", "1e400"]
)
def test_a_word_that_stays_what_was_written_is_taken(tmp_path: Path, written: str) -> None:
    definition, problems = definition_of(tmp_path, f"command: run\nenvironment_variables: {{A: {written}}}\n")
    assert problems == []
    assert definition["environment_variables"] == {"A": written.rpartition(" ")[2].strip("'\"")}


def test_numbers_that_are_meant_as_numbers_may_be_written_as_one_likes(tmp_path: Path) -> None:
    text = "command: run\nresources: {instance_count: 0x2}\nlimits: {timeout: 1_000}\n"
    definition, problems = definition_of(tmp_path, text)
    assert (problems, definition["nodes"], definition["timeout"]) == ([], 2, "1000s")


@pytest.mark.parametrize(
    "text",
    [
        "resources: {instance_count: 2026-01-01}",
        "resources: {instance_type: true}",
        "identity: {type: managed, client_id: 1.10}",
        "distribution: {type: pytorch, process_count_per_instance: yes}",
        "display_name: 2026-01-01",
        "description: 5",
        "environment_variables: {~: x}",
        "queue_settings: {job_tier: {a: 1}}",
    ],
)
def test_a_value_of_a_strange_kind_is_a_finding(tmp_path: Path, text: str) -> None:
    definition, problems = definition_of(tmp_path, f"command: run\n{text}\n")
    encode({"definition": definition})
    given = {"run": "a", "target": "azure", "workspace": WORKSPACE, "job": "j", "definition": definition}
    assert problems or parse_run(given)[1]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_file_in_any_encoding_that_says_so_is_read(tmp_path: Path, encoding: str) -> None:
    text = "\ufeff" * (encoding == "utf-16-le") + "command: run ü\r\ntags: {a: b}\r\n"
    (tmp_path / "pets.yml").write_bytes(text.encode(encoding))
    definition, problems = read(tmp_path, "pets.yml")
    assert (problems, definition) == ([], {"shell_command": "run ü", "tags": {"a": "b"}})


def test_a_file_in_an_encoding_that_nobody_can_guess_is_one_finding(tmp_path: Path) -> None:
    (tmp_path / "pets.yml").write_bytes("command: run\ntags: {a: é}\n".encode("latin-1"))
    assert read(tmp_path, "pets.yml")[1] == [
        "pets.yml cannot be read: it is no text in UTF-8, from line 2 on: save it as UTF-8"
    ]
