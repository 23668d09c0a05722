"""A stand-in for the Pulumi CLI, which answers every command with one state."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from trainup.core.naming import run_of
from trainup.toolchain import pulumi_cli, stacks

URN = "urn:pulumi:local::trainup::trainup:index:TrainingRun$trainup:index:Run::digits-job"
"""The run `digits` of the stack `local`."""


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folder the project of the commands that follow, and let them find no CLI but the stand-in."""
    (folder / "Pulumi.yaml").write_text("name: trainup\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", str(folder / "bin"))
    monkeypatch.setenv("PULUMI_STACK", "local")
    monkeypatch.setattr(stacks, "ROOT", folder)
    monkeypatch.setattr(pulumi_cli, "BIN", folder / "none")
    monkeypatch.setenv("PULUMI_HOME", str(folder / "home"))


def pulumi(folder: Path, state: str, code: int = 0) -> None:
    """A `pulumi` that answers every command so."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "state").write_text(state)
    program = folder / "bin" / "pulumi"
    # Hundreds of tests start it: a shell is there ten times as fast as Python.
    text = shlex.quote(str(folder / "state"))
    program.write_text(f"#!/bin/sh\n/bin/cat {text}{' >&2' if code else ''}\nexit {code}\n")
    program.chmod(0o755)


def state(*resources: dict[str, Any]) -> str:
    """A state of these resources, as `pulumi stack export` prints it."""
    return json.dumps({"version": 3, "deployment": {"resources": list(resources)}})


def run_resource(name: str, urn: str = "", **outputs: Any) -> dict[str, Any]:
    """A run in the state by the name of its job."""
    run = run_of(name)
    inputs = {"run": run, "workspace": ".trainup/local"}
    urn = urn or URN.replace("digits-job", f"{run}-job")
    return {"type": "trainup:index:Run", "urn": urn, "id": name, "inputs": inputs, "outputs": outputs}
