"""The bodies that start jobs: each is kept as a file, and fits Azure's published types."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.contract import Check
from trainup.core.inputs import parse_run
from trainup.core.naming import job_name
from trainup.jobs.azure.job.body import STARTED_BY, References, asset_uri, ignored_policy, to_command_job
from trainup.jobs.target import Job, Owner, TargetError

GOLDEN = Path(__file__).with_name("golden")
JOB = "Microsoft.MachineLearningServices/workspaces/jobs"
WORKSPACE = (
    "/subscriptions/5ab0f3e2-0000-4000-8000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.MachineLearningServices/workspaces/ws"
)
CLIENT = "5ab0f3e2-0000-4000-8000-00000000000a"
PLACE = References(
    workspace=WORKSPACE,
    environment_id=f"{WORKSPACE}/environments/fastai2/versions/0123456789ab",
    code_id=f"{WORKSPACE}/codes/9f0e/versions/1",
    compute_id=f"{WORKSPACE}/computes/gpu-cluster",
    client_id=CLIENT,
)
SERVERLESS = References(workspace=WORKSPACE, environment_id=PLACE.environment_id)
SCRIPT = {"source": "training", "script": "train.py", "snapshot_digest": "ab" * 32, "command": None}
CASES: dict[str, tuple[dict[str, Any], References]] = {
    "script": ({**SCRIPT, "arguments": ["--dataset", "pets"]}, PLACE),
    "hostile": ({"command": ["echo", "$(id) 'x' \"y\" ${foo}", "a\nb", ""]}, PLACE),
    "data": (
        {
            "command": ["python", "train.py", "${{inputs.pets}}/images", "${{inputs.labels}}", "${{outputs.model}}"],
            "inputs": {
                "pets": {"uri": "azureml:pets:2", "digest": "pets:2"},
                "labels": {
                    "uri": "azureml://datastores/labels/paths/",
                    "digest": "1",
                    "path": "l.csv",
                    "type": "uri_file",
                    "mode": "download",
                },
                "index": {"uri": "https://example.blob.core.windows.net/c/i", "digest": "1", "mode": "direct"},
                "epochs": {"value": "5"},
            },
            "outputs": {"report": {"mode": "upload", "uri": "azureml://datastores/reports/paths/r/"}},
        },
        PLACE,
    ),
    "pytorch": ({**SCRIPT, "nodes": 2, "distribution": {"process_count_per_node": 4}, "shm_size": "64g"}, PLACE),
    "mpi": ({"command": ["./train"], "nodes": 3, "distribution": {"type": "mpi"}}, PLACE),
    "tensorflow": (
        {**SCRIPT, "nodes": 2, "distribution": {"type": "tensorflow", "parameter_server_count": 1}},
        PLACE,
    ),
    "policy": (
        {
            **SCRIPT,
            "display_name": "pets",
            "description": "cats against dogs",
            "experiment_name": "fastai-custom-image",
            "tags": {"team": "vision"},
            "timeout": "2h",
            "node_price": 0.53,
            "environment_variables": {"OMP_NUM_THREADS": "4", "AZURE_CLIENT_ID": "mine"},
        },
        PLACE,
    ),
    "serverless": ({**SCRIPT, "size": "gpu-small", "queue_tier": "spot", "identity": "user"}, SERVERLESS),
    "secrets": (
        {**SCRIPT, "secrets": {"WANDB_KEY": "planted-1f0c", "TOKEN": "planted-2e9d"}},
        References(
            **vars(PLACE)
            | {
                "secrets": {"TOKEN": "https://kv.vault.azure.net/secrets/t", "WANDB_KEY": "https://kv/secrets/w"},
                "vault_resource": "https://vault.azure.net",
            }
        ),
    ),
    "file": (
        {
            "job": "job.yml",
            "command": None,
            "definition": {"shell_command": "python a.py --x ${{inputs.x}} && ls", "inputs": {"x": {"value": "1"}}},
        },
        PLACE,
    ),
}
Make = Callable[..., Job]


def job_of(inputs: Mapping[str, Any]) -> Job:
    """The job of a run's inputs, as the provider makes it."""
    given = {"run": "pets", "target": "azure", "workspace": WORKSPACE, "command": ["true"], **inputs}
    parsed, findings = parse_run(given)
    assert findings == []
    assert parsed.spec is not None
    return Job(
        run=parsed.run,
        spec=parsed.spec,
        digest=parsed.spec.digest(),
        owner=Owner("urn:pulumi:dev::trainup::trainup:index:TrainingRun$trainup:index:Run::pets-job", "token-1"),
        data_inputs=parsed.inputs,
        named_outputs=parsed.outputs,
        secrets=parsed.secrets,
        identity=parsed.identity,
        environment=parsed.environment,
    )


@pytest.mark.parametrize("name", CASES)
def test_a_body_is_as_it_was_and_fits_azures_types(name: str, contract: Check) -> None:
    """`UPDATE_GOLDEN=1 python -m pytest tests/unit/jobs/azure` writes the files again."""
    inputs, place = CASES[name]
    job = job_of(inputs)
    body = to_command_job(job, 1, place)
    path = GOLDEN / f"{name}.json"
    text = json.dumps(body, indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
    assert contract(JOB, "2025-12-01", body, job_name(job.id, 1)) == []


def test_options_of_docker_are_sent_and_a_job_that_exists_keeps_its_own(contract: Check) -> None:
    with_options = job_of({"docker_args": "--ulimit memlock=-1"})
    body = to_command_job(with_options, 1, PLACE)
    assert body["properties"]["resources"]["dockerArgs"] == "--ulimit memlock=-1"
    assert contract(JOB, "2025-12-01", body, job_name(with_options.id, 1)) == []
    assert ignored_policy(job_of({}), body["properties"]) == ["docker_args"]


def test_no_secret_is_in_a_body() -> None:
    inputs, place = CASES["secrets"]
    text = json.dumps(to_command_job(job_of(inputs), 1, place))
    assert "planted" not in text
    assert '"TOKEN' in text.replace("\\", "")


def test_how_secrets_reach_the_node_is_one_line_each_and_no_part_of_the_run() -> None:
    inputs, place = CASES["secrets"]
    job = job_of(inputs)
    variables = to_command_job(job, 1, place)["properties"]["environmentVariables"]
    ours = {name: text for name, text in variables.items() if name.startswith("TRAINUP_")}
    assert {"TRAINUP_SECRETS", "TRAINUP_BOOTSTRAP"} <= ours.keys()
    assert not any("\n" in text for text in ours.values())
    assert job.digest == job_of({**inputs, "secrets": {name: "other" for name in inputs["secrets"]}}).digest


@pytest.mark.parametrize(
    ("wanted", "client", "sent"),
    [
        (None, CLIENT, {"identityType": "Managed", "clientId": CLIENT}),
        (None, None, None),
        ("cluster", None, {"identityType": "Managed"}),
        ("user", CLIENT, {"identityType": "UserIdentity"}),
        ("token", CLIENT, {"identityType": "AMLToken"}),
        ("11111111-0000-4000-8000-00000000000b", CLIENT, None),
    ],
)
def test_a_run_is_who_it_is_told_to_be(wanted: str | None, client: str | None, sent: dict[str, str] | None) -> None:
    job = job_of({"identity": wanted} if wanted else {})
    body = to_command_job(job, 1, References(**vars(PLACE) | {"client_id": client}))["properties"]
    expected = sent if sent or not wanted else {"identityType": "Managed", "clientId": wanted}
    assert body.get("identity") == expected
    assert body["environmentVariables"].get("AZURE_CLIENT_ID") == (expected or {}).get("clientId")


def test_a_job_file_that_names_no_identity_gets_one_only_for_its_secrets() -> None:
    file = {"job": "job.yml", "command": None, "definition": {"shell_command": "python a.py"}}
    assert "identity" not in to_command_job(job_of(file), 1, PLACE)["properties"]
    secret = to_command_job(job_of({**file, "secrets": {"TOKEN": "x"}}), 1, PLACE)["properties"]
    assert secret["identity"] == {"identityType": "Managed", "clientId": CLIENT}


def test_who_submits_a_run_changes_nothing_of_what_runs() -> None:
    one = job_of(CASES["data"][0])
    other = Job(**vars(one) | {"owner": Owner("urn:pulumi:other::trainup::trainup:index:Run::x", "token-2")})
    bodies = [to_command_job(job, 1, PLACE)["properties"] for job in (one, other)]
    assert bodies[0].pop("tags") != bodies[1].pop("tags")
    by = [body["environmentVariables"].pop(STARTED_BY) for body in bodies]
    assert by[0] != by[1], "what cannot change in a job differs, so nobody starts it over another's head"
    assert bodies[0] == bodies[1]


def test_a_resource_whose_name_fits_into_no_tag_is_refused() -> None:
    one = job_of({})
    long = Job(**vars(one) | {"owner": Owner("urn:" + "x" * 1000, "token")})
    with pytest.raises(TargetError, match="URN of 1004 characters"):
        to_command_job(long, 1, PLACE)


def test_all_attempts_share_their_checkpoints() -> None:
    outputs = [to_command_job(job_of({}), attempt, PLACE)["properties"]["outputs"] for attempt in (1, 2)]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    ("uri", "sent"),
    [
        ("azureml:pets:2", f"{WORKSPACE}/data/pets/versions/2"),
        ("azureml://datastores/a/paths/b", "azureml://datastores/a/paths/b"),
        ("https://example.org/a:b", "https://example.org/a:b"),
        (f"azureml:{WORKSPACE}/data/pets/versions/2", f"azureml:{WORKSPACE}/data/pets/versions/2"),
    ],
)
def test_data_is_named_by_its_id(uri: str, sent: str) -> None:
    assert asset_uri(uri, WORKSPACE) == sent
