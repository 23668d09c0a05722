"""`trainup roles`: the same list as text, as commands, as a Bicep file and as JSON."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.golden import matches
from trainup.cli import roles as command
from trainup.cli.__main__ import main
from trainup.core.roles import TITLES
from trainup.simulator.cloud import contract as types

REPOSITORY = Path(__file__).parents[3]
SUBSCRIPTION = "5ab0f3e2-0000-4000-8000-000000000001"
PERSON, DEPLOYER = "22222222-2222-2222-2222-222222222222", "44444444-4444-4444-4444-444444444444"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/team's (own)"
ML = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/team"
PETS = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/pets"
DEV = f"/subscriptions/{PERSON}/resourceGroups/dev/providers/Microsoft.MachineLearningServices/workspaces/dev-1"
ATTACHED: dict[str, Any] = {
    "workspace": {"id": ML},
    "cluster": {"id": f"{ML}/computes/shared"},
    "image": {"builder": "prebuilt", "reference": "ghcr.io/team/fastai@sha256:" + "c" * 64},
    "data": {"pets": {"storage": PETS, "container": "pets"}},
    "access": {"users": [PERSON]},
    "models": {"digits": {"promoted": f"{DEV}/models/digits/versions/69452737551650"}},
    "endpoints": {"digits": {"source": "scoring"}},
}


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a new stack, one that attaches to what exists, and a local one."""
    monkeypatch.setattr(command, "ROOT", tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: team\nruntime: python\n")
    (tmp_path / "Pulumi.local.yaml").write_text("config: {}\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    base = {
        "azure-native:subscriptionId": SUBSCRIPTION,
        "azure-native:location": "westeurope",
        "trainup:target": "azure",
    }
    new = {**base, "trainup:access": {"users": [PERSON]}, "trainup:image": {}}
    attached = {**base, **{f"trainup:{name}": value for name, value in ATTACHED.items()}}
    for name, config in (("new", new), ("attached", attached)):
        (tmp_path / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["roles", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("stack", ["new", "attached"])
def test_the_list_fits_the_terminal(
    stacks: Path, stack: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = shown(capsys, "--stack", stack)
    too_wide = [line for line in text.splitlines() if len(line) > columns and " " in line.strip()[5:]]
    assert [line for line in too_wide if "/subscriptions/" not in line] == []
    matches(f"roles-{stack}-{columns}.txt", text)


def test_a_local_stack_needs_no_roles(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "--stack", "local") == "stack 'local' runs on this machine, and needs no roles\n"
    assert json.loads(shown(capsys, "--stack", "local", "--json")) == []
    assert main(["roles", "--stack", "local", "--az"]) == 2
    assert "needs no roles" in capsys.readouterr().err


def test_a_stack_that_is_not_there_is_told(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roles", "--stack", "dve"]) == 2
    assert "there is no Pulumi.dve.yaml" in capsys.readouterr().err


def test_programs_get_every_role_with_its_scope_and_reason(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = json.loads(shown(capsys, "--stack", "attached", "--json"))
    reader = next(item for item in items if item["role"] == "Storage Blob Data Reader" and item["who"] == "nodes")
    assert reader == {
        "who": "nodes",
        "principal_id": "",
        "role": "Storage Blob Data Reader",
        "role_id": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "scope": PETS.lower(),
        "scope_name": "the storage account pets",
        "resources": ["nodes-pets-data"],
        "why": "runs read data there",
        "assigned_by": "up",
        "optional": False,
        "assigns": [],
    }


@pytest.mark.parametrize("stack", ["new", "attached"])
def test_the_commands_grant_what_is_listed_whatever_the_names_hold(
    stacks: Path, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = shown(capsys, "--stack", stack, "--az", "--deployer", DEPLOYER)
    calls = _calls(stacks, script)
    granted = [dict(zip(call[3::2], call[4::2], strict=True)) for call in calls if call[:1] == ["role"]]
    listed = json.loads(shown(capsys, "--stack", stack, "--json"))
    wanted = {item["role_id"] for item in listed if item["who"] == "deployer"}
    assert {call["--role"] for call in granted} >= wanted
    for call in granted:
        assert call["--assignee-object-id"] == DEPLOYER
        assert call["--assignee-principal-type"] == "User"
        assert call["--scope"].startswith("/subscriptions/")
        if "--condition" in call:
            assert call["--condition"].count("(") == call["--condition"].count(")")
            assert call["--condition-version"] == "2.0"
    asked = {call[call.index("--ids") + 1] for call in calls if call[:2] == ["resource", "show"]}
    assert asked <= {ML, DEV}
    matches(f"roles-{stack}-az.txt", script)


def _calls(folder: Path, script: str) -> list[list[str]]:
    """The words with which a shell calls `az`; what it looks up is a resource's id."""
    program, log = folder / "bin" / "az", folder / "calls"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\nopen({str(log)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
        f"print('/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a')\n"
    )
    program.chmod(0o755)
    (folder / "grant.sh").write_text(script)
    shell = shutil.which("sh") or "/bin/sh"
    done = subprocess.run(
        [shell, "-eu", folder / "grant.sh"],
        env={"PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_the_script_asks_for_who_deploys(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (stacks / "grant.sh").write_text(shown(capsys, "--stack", "new", "--az"))
    done = subprocess.run(["/bin/sh", "-eu", stacks / "grant.sh"], capture_output=True, text=True, env={})
    assert done.returncode != 0
    assert "set it to an object id" in done.stderr


@pytest.mark.parametrize("stack", ["new", "attached"])
def test_the_file_for_bicep_has_every_role_once(stacks: Path, stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "--stack", stack, "--bicep", "--deployer", DEPLOYER)
    assert text.count("{") == text.count("}")
    named = re.findall(r"roleDefinitions', '([0-9a-f-]{36})'\)", text)
    listed = json.loads(shown(capsys, "--stack", stack, "--json"))
    assert set(named) >= {item["role_id"] for item in listed if item["who"] == "deployer"}
    assert set(named) <= set(TITLES)
    assert len(re.findall(r"^resource role\d+ ", text, re.MULTILINE)) == len(named)
    matches(f"roles-{stack}.bicep", text)


def test_azure_takes_the_body_of_an_assignment_with_a_condition() -> None:
    if not types.available():
        pytest.skip(f"Azure's types are not in {types.folder()}")
    body = {
        "properties": {
            "principalId": DEPLOYER,
            "principalType": "User",
            "roleDefinitionId": "/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/y",
            "description": "why",
            "condition": "((1))",
            "conditionVersion": "2.0",
        }
    }
    assert types.findings("Microsoft.Authorization/roleAssignments", "2022-04-01", body, "n") == []
