"""What `trainup promote` writes and prints, at 80 and 160 columns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import golden, stand_in
from trainup.cli.__main__ import main
from trainup.cli.exit_codes import ExitCode
from trainup.core.models import ModelVersion

VERSION = ModelVersion(
    "digits",
    "3f2ab9c01d22",
    digest="3f2ab9c01d22" + "0" * 52,
    run="digits-8ee3b9d91f0a",
    commit="5684e51fd1c3b7f00a9e2c4d6b8a1f3e5d7c9b0a",
    metrics={"accuracy": 0.9972, "valid_loss": 0.0133},
)
WORKSPACE = {"target": "local", "workspace": ".trainup/dev"}


def resource(kind: str, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::own::trainup:index:{kind}::{name}"
    return {"urn": urn, "type": f"trainup:index:{kind}", "inputs": {**WORKSPACE, **inputs}, "outputs": outputs}


def model(version: ModelVersion = VERSION) -> dict[str, Any]:
    inputs = {"model": "digits"}
    return resource("ModelVersion", "digits-model-version", inputs, {"registered": version.to_wire()})


def gate(live: ModelVersion) -> dict[str, Any]:
    return resource("LiveModel", "digits-gate-live", {"model": "digits"}, {"live": live.to_wire(), "passed": True})


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts resources into the state of the stack dev; returns the file of the stack prod."""

    def put(*resources: dict[str, Any]) -> Path:
        stand_in.pulumi(tmp_path, stand_in.state(*resources))
        file = tmp_path / "Pulumi.prod.yaml"
        file.write_text("config:\n  trainup:target: local\n")
        return file

    stand_in.enter(tmp_path, monkeypatch)
    return put


@pytest.mark.parametrize("columns", [80, 160])
def test_it_writes_one_line_and_shows_both_versions(
    deployed: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    file = deployed(model(ModelVersion("digits", "newer")), gate(VERSION))
    assert main(["promote", "dev", "prod"]) == 0
    first = capsys.readouterr().out
    assert main(["promote", "dev", "prod", "digits"]) == 0
    golden.matches(f"promote-{columns}.txt", first + capsys.readouterr().out)
    assert f"      promoted: .trainup/dev/models/digits/versions/{VERSION.version}\n" in file.read_text()


def test_a_dry_run_writes_nothing(deployed: Callable[..., Path]) -> None:
    file = deployed(model())
    before = file.read_text()
    assert main(["promote", "dev", "prod", "--dry-run"]) == 0
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("resources", "words", "said"),
    [
        ([], ["dev", "prod"], "dev has no model"),
        ([model()], ["dev", "prod", "digts"], "did you mean digits?"),
        ([model()], ["dev", "live"], "there is no Pulumi.live.yaml"),
        ([model(), gate(ModelVersion("digits", ""))], ["dev", "prod"], "no version of the model digits is live in dev"),
    ],
)
def test_what_cannot_be_promoted_is_told(
    deployed: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    resources: list[dict[str, Any]],
    words: list[str],
    said: str,
) -> None:
    deployed(*resources)
    assert main(["promote", *words]) == ExitCode.REFUSED
    assert said in capsys.readouterr().err
