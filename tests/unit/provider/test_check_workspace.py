"""A run never changes what it is made of."""

from pathlib import Path

import pytest

from trainup.core.inputs import parse_run
from trainup.provider.input_checks import check_workspace


def findings(project: Path, **inputs: object) -> list[str]:
    given = {"run": "r", "target": "local", "workspace": ".trainup/test", "command": ["true"], **inputs}
    parsed, wrong = parse_run(given)
    assert wrong == []
    return [finding.property for finding in check_workspace(project, parsed)]


@pytest.mark.parametrize(
    ("workspace", "source", "told"),
    [
        (".trainup/test", ".", []),
        ("ws", ".", ["source"]),
        ("code/deep/ws", "code", ["source"]),
        ("code", "code", ["source"]),
        ("code/outputs", "code", []),
        ("code/ignored/ws", "code", []),
        ("ws", "code", []),
        ("ws", "ws/code", []),
        ("code-ws", "code", []),
    ],
)
def test_a_workspace_in_the_runs_own_source_is_told(
    tmp_path: Path, workspace: str, source: str, told: list[str]
) -> None:
    for folder in ("code", "ws/code"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "code" / ".gitignore").write_text("ignored/\n")
    assert findings(tmp_path, workspace=workspace, source=source) == told


@pytest.mark.parametrize(
    ("workspace", "uri", "digest", "told"),
    [
        (".trainup/test", ".", "sha256:ab", ["inputs['x']"]),
        ("data/ws", "data", "sha256:ab", ["inputs['x']"]),
        ("data/ws", "data", "version 1", []),
        ("ws", "ws/runs/a/outputs", "sha256:ab", []),
        ("data-ws", "data", "sha256:ab", []),
    ],
)
def test_a_workspace_in_the_runs_own_data_is_told(
    tmp_path: Path, workspace: str, uri: str, digest: str, told: list[str]
) -> None:
    assert findings(tmp_path, workspace=workspace, inputs={"x": {"uri": uri, "digest": digest}}) == told
