"""What `make env` gives a shell, and what it leaves as the user has it."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.toolchain import environment
from trainup.toolchain.paths import BIN
from trainup.toolchain.pulumi_cli import Cli

BUILT = Cli(BIN / "pulumi", (3, 245, 0), "built")
FOREIGN = Cli(Path("/opt/pulumi/pulumi"), (3, 300, 0), "found on PATH")


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Somebody who has set nothing."""
    for name in ("BACKEND_URL", "CONFIG_PASSPHRASE", "CONFIG_PASSPHRASE_FILE", "PARALLEL", "SKIP_UPDATE_CHECK"):
        monkeypatch.delenv(f"PULUMI_{name}", raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path


def test_a_stack_gets_a_backend_in_the_project() -> None:
    values = environment.variables(BUILT, "local")
    assert values["PULUMI_BACKEND_URL"].endswith("/.trainup/backend")
    assert values["PULUMI_STACK"] == "local"
    path = values["PATH"].split(":")
    assert path.index(str(BIN)) < path.index("/usr/bin"), "our tools come before the machine's"


@pytest.mark.parametrize("name", ["PULUMI_BACKEND_URL", "PULUMI_PARALLEL"])
def test_what_the_user_has_set_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "file:///mine")
    assert name not in environment.variables(BUILT, "local")


def test_an_empty_backend_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "")
    assert environment.variables(BUILT, "local")["PULUMI_BACKEND_URL"].startswith("file://")


def test_a_login_is_a_backend(user: Path) -> None:
    (user / "credentials.json").write_text(json.dumps({"current": "s3://mine"}))
    assert "PULUMI_BACKEND_URL" not in environment.variables(BUILT, "local")


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_damaged_credentials_are_no_login(user: Path, content: str) -> None:
    (user / "credentials.json").write_text(content)
    assert "PULUMI_BACKEND_URL" in environment.variables(BUILT, "local")


def test_a_cli_of_the_machine_is_not_hidden_by_ours() -> None:
    assert str(BIN) not in environment.variables(FOREIGN, "local")["PATH"].split(":")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_value_survives_the_shell(value: str) -> None:
    lines = environment.as_shell({"TRAINUP_VALUE": value})
    done = subprocess.run(["sh", "-c", 'eval "$1"; printf %s "$TRAINUP_VALUE"', "sh", lines], capture_output=True)
    assert done.stdout == value.encode()
