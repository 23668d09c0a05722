"""Tokens and passwords among a resource's inputs are findings of its check: nothing is stored or sent before."""

import threading
from pathlib import Path
from typing import Any

import pytest

from trainup.core.inputs import Finding
from trainup.core.values import UNKNOWN, Secret
from trainup.provider.handler import Context
from trainup.provider.image import ImageHandler
from trainup.provider.run import RunHandler
from trainup.provider.server import ServerHandler

GITHUB = "gh" + "p_" + "aB3" * 12
SAS = "sv=2024-11-04&s" + "ig=" + "aB3%2F" * 5 + "a" * 28 + "%3D"
PROVIDERS = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers"
WORKSPACES = {"local": "ws", "azure": f"{PROVIDERS}/Microsoft.MachineLearningServices/workspaces/ws"}
REGISTRY = {
    "builder": "acr",
    "registry_id": f"{PROVIDERS}/Microsoft.ContainerRegistry/registries/images",
    "login_server": "images.azurecr.io",
    "repository": "fastai",
}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("print(1)\n")
    return Context("urn:pulumi:t::p::trainup:index:Run::x", tmp_path, threading.Event())


def hidden(findings: list[Finding]) -> str:
    """The findings as text, in which no secret is shown."""
    told = "\n".join(f"{finding.property}: {finding.reason}" for finding in findings)
    assert not any(part in told for part in ("hunter2", GITHUB, "aB3"))
    return told


@pytest.mark.parametrize("target", WORKSPACES)
@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"environment_variables": {"A": GITHUB}}, "environment_variables.A"),
        ({"arguments": ["--password", "hunter2"]}, "arguments[1]"),
        ({"tags": {"a": GITHUB}}, "tags.a"),
        ({"description": f"by {GITHUB}"}, "description"),
        ({"inputs": {"x": {"uri": f"https://a.blob.core.windows.net/c?{SAS}", "digest": "1"}}}, "inputs.x.uri"),
        ({"outputs": {"x": {"uri": f"https://a.blob.core.windows.net/c?{SAS}"}}}, "outputs.x.uri"),
        ({"image": f"https://me:hunter2@ghcr.io/a@sha256:{'0' * 64}"}, "image"),
        ({"rerun": GITHUB}, "rerun"),
    ],
)
def test_a_run_with_a_likely_secret_is_refused_and_may_be_allowed(
    context: Context, target: str, given: dict[str, Any], place: str
) -> None:
    run = {"run": "r", "target": target, "workspace": WORKSPACES[target], "source": "code", "script": "main.py"}
    inputs, findings = RunHandler().check(context, {**run, **given})
    assert f"{place} looks like a secret (" in hidden(findings)
    assert f'add "{place}" to `allow_secrets`' in hidden(findings)
    assert "digest" not in inputs
    _, findings = RunHandler().check(context, {**run, **given, "allow_secrets": [place]})
    assert "looks like a secret" not in hidden(findings)


def test_what_is_marked_as_secret_or_not_known_yet_is_none(context: Context) -> None:
    run = {"run": "r", "target": "local", "workspace": "ws", "command": ["true"]}
    given = {"secrets": {"TOKEN": Secret(GITHUB)}, "tags": {"a": UNKNOWN}, "allow_secrets": UNKNOWN}
    assert RunHandler().check(context, {**run, **given})[1] == []


@pytest.mark.parametrize("name", ["on_failure", "nodes", "timeout", "identity", "distribution", "shm_size", "odd"])
def test_no_other_finding_repeats_it(context: Context, name: str) -> None:
    run = {"run": "r", "target": "local", "workspace": "ws", "command": ["true"], name: GITHUB}
    assert f"{name} looks like a secret (" in hidden(RunHandler().check(context, run)[1])
    (context.project / "job.yml").write_text(f"command: 'true'\nenvironment: azureml:e:1\ninputs: {{x: [{GITHUB}]}}\n")
    run = {"run": "r", "target": "local", "workspace": "ws", "job": "job.yml"}
    assert "job: what is given here looks like a secret" in hidden(RunHandler().check(context, run)[1])


def test_allowing_a_place_changes_no_digest(context: Context) -> None:
    run = {"run": "r", "target": "local", "workspace": "ws", "command": ["true"], "tags": {"a": "b"}}
    digests = [RunHandler().check(context, {**run, **more})[0]["digest"] for more in ({}, {"allow_secrets": ["tags"]})]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("target", WORKSPACES)
@pytest.mark.parametrize(
    ("key", "place"),
    [
        (f"command: python main.py --token {GITHUB}", "command"),
        ("command: 'true'\nenvironment_variables: {DB_PASSWORD: hunter2}", "environment_variables.DB_PASSWORD"),
        (f"command: 'true'\ntags: {{owner: {GITHUB}}}", "tags.owner"),
        (f"command: 'true'\ninputs: {{x: {{path: 'https://a.blob.core.windows.net/c?{SAS}'}}}}", "inputs.x.uri"),
    ],
)
def test_a_job_file_is_searched_too(context: Context, target: str, key: str, place: str) -> None:
    (context.project / "job.yml").write_text(f"type: command\nenvironment: azureml:e:1\n{key}\n")
    run = {"run": "r", "target": target, "workspace": WORKSPACES[target], "job": "job.yml"}
    assert f"job: job.yml: {place} looks like a secret (" in hidden(RunHandler().check(context, run)[1])
    _, findings = RunHandler().check(context, {**run, "allow_secrets": ["inputs", place]})
    assert "looks like a secret" not in hidden(findings)


@pytest.mark.parametrize(
    "line", ["--index-url https://me:hunter2@pypi.example/simple", f"x @ https://pypi.example/x?token={GITHUB}"]
)
def test_logins_in_requirements_are_told_by_their_line(context: Context, line: str) -> None:
    path = context.project / "requirements.txt"
    path.write_text(f"numpy\n{line}\n")
    image = {"workspace": "ws", "builder": "venv", "requirements": "requirements.txt"}
    told = hidden(ImageHandler().check(context, image)[1])
    assert "requirements: requirements.txt:2 looks like a secret (" in told
    assert ImageHandler().check(context, {**image, "allow_secrets": ["requirements.txt:2"]})[1] == []
    path.write_text(f"numpy\n{line}  # pragma: allowlist secret\n")
    assert ImageHandler().check(context, image)[1] == []
    path.write_text("numpy\n--index-url https://me:${PASSWORD}@pypi.example/simple\n")
    assert ImageHandler().check(context, image)[1] == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_logins_in_requirements_of_any_encoding_are_told(context: Context, encoding: str) -> None:
    text = "numpy\r\n--index-url https://me:hunter2@pypi.example/simple\r\n"
    (context.project / "requirements.txt").write_bytes(text.encode(encoding))
    image = {"workspace": "ws", "builder": "venv", "requirements": "requirements.txt"}
    told = hidden(ImageHandler().check(context, image)[1])
    assert "requirements: requirements.txt:2 looks like a secret (" in told


def test_logins_in_what_requirements_include_are_told(context: Context) -> None:
    (context.project / "requirements.txt").write_text("-r more.txt\n")
    (context.project / "more.txt").write_text("--index-url https://me:hunter2@pypi.example/simple\n")
    image = {"workspace": "ws", "builder": "venv", "requirements": "requirements.txt"}
    told = hidden(ImageHandler().check(context, image)[1])
    assert "requirements: a file that requirements.txt includes looks like a secret (" in told


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"arguments": {"API_TOKEN": GITHUB}}, 'arguments["API_TOKEN"]: it'),
        ({"arguments": {"DB_PASSWORD": "hunter2"}}, 'arguments["DB_PASSWORD"]: it'),
        ({"arguments": {"INDEX": "https://me:hunter2@pypi.example"}}, 'arguments["INDEX"]: it'),
        ({"dockerfile_text": "FROM x\nENV DB_PASSWORD=hunter2\n"}, "Dockerfile:2"),
        ({"dockerfile_text": f"FROM x\nARG TOKEN={GITHUB}\n"}, "Dockerfile:2"),
    ],
)
def test_an_image_built_by_a_registry_holds_no_likely_secret(
    context: Context, given: dict[str, Any], place: str
) -> None:
    _, findings = ImageHandler().check(context, {**REGISTRY, "context": "code", **given})
    assert f"{place} looks like a secret (" in hidden(findings)


def test_a_build_argument_may_be_allowed(context: Context) -> None:
    given = {
        "arguments": {"API_TOKEN": GITHUB},
        "dockerfile_text": "FROM scratch",
        "allow_secrets": ["arguments.API_TOKEN"],
    }
    assert ImageHandler().check(context, {**REGISTRY, "context": "code", **given})[1] == []


def test_an_image_reference_and_a_tracking_address_hold_no_login(context: Context) -> None:
    image = {"builder": "prebuilt", "image": "https://me:hunter2@ghcr.io/a:1"}
    assert "image: it looks like a secret (" in hidden(ImageHandler().check(context, image)[1])
    for tracking in ("https://me:hunter2@mlflow.example", "ftp://me:hunter2@mlflow.example"):
        told = hidden(ServerHandler().check(context, {"workspace": "ws", "tracking": tracking})[1])
        assert "tracking: it looks like a secret (" in told
