"""What each command about runs prints, at 80 and 160 columns, with and without colour.

`GOLDEN=write` writes the files of `golden/` anew.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainup.cli import collecting
from trainup.cli.__main__ import main
from trainup.cli.runs import shown
from trainup.core.git_state import GitState
from trainup.jobs.local.workspace import Workspace

FOLDER = Path(__file__).with_name("golden")
GIT = GitState("5684e51fd1c3b7f00a9e2c4d6b8a1f3e5d7c9b0a", "main", "https://host/owner/name", True)
FAILURE = {"failure_class": "user_code", "message": "the command ended with exit code 1", "exit_code": 1}
METRICS = {"accuracy": 0.9972144961357117, "valid_loss": 0.0133, "train_loss": 0.0319, "epoch_seconds": 0.31}
COMMANDS: dict[str, list[str]] = {
    "runs": ["runs"],
    "runs-all": ["runs", "--all"],
    "history": ["history"],
    "status": ["status"],
    "status-run": ["status", "digits"],
    "status-failed": ["status", "pets"],
    "gc": ["gc"],
    "cancel-ended": ["cancel", "digits"],
    "logs": ["logs", "digits", "--tail", "1"],
}


@pytest.fixture(autouse=True)
def stack(records: Any, state: Callable[..., None], workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    records.add("digits", status="Completed", phases={"running": 5.25}, metrics={"accuracy": 0.91}, log="old\n")
    digits = records.add(
        "digits", 1, phases={"queued": 0.1, "preparing": 1.5, "running": 12.25}, metrics=METRICS, log="a\nb\n", git=GIT
    )
    pets = records.add("pets", status="Failed", phases={"running": 1.0}, failure=FAILURE, log="x\n")
    score = records.add("score", status="Canceled", failure={"failure_class": "canceled", "message": "it was canceled"})
    monkeypatch.setattr(collecting, "TOOLCHAIN", workspace.root / "none")
    state(digits, pets, score)
    environment = workspace.environments / "5b2f0a6c1d3e4f5a6b7c8d9e"
    environment.mkdir(parents=True)
    (environment / "libtorch.so").write_bytes(os.urandom(3 * 1024**2))


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_prints_what_it_should(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    columns: int,
    colour: bool,
) -> None:
    monkeypatch.setattr(shown, "width", lambda: columns)
    monkeypatch.setattr(shown, "has_colour", lambda: colour)
    assert main(COMMANDS[command]) == 0
    printed = capsys.readouterr()
    text = (printed.out + printed.err).replace(str(project), "PROJECT")
    file = FOLDER / f"{command}-{columns}{'-colour' if colour else ''}.txt"
    if os.environ.get("GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()
    if command not in ("status-run", "status-failed"):  # these hold what is copied, and are not cut
        plain = text if not colour else (FOLDER / f"{command}-{columns}.txt").read_text()
        assert max(map(len, plain.splitlines())) <= columns
