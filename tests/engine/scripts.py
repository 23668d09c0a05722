"""Tiny scripts for runs: they count their starts and wait for a sign, not for time."""

import os
from pathlib import Path

from tests.support.project import Project, Result, Running

COUNTED = """\
import json, os, pathlib, sys
with open(os.environ["STARTS"], "a") as starts:
    starts.write(f"{os.getpid()}\\n")
print("hello from", *sys.argv[1:], flush=True)
"""

WAITING = (
    COUNTED
    + """\
print("waiting", flush=True)
open(os.environ["GATE"]).read()
print("going on", flush=True)
"""
)

WITH_METRICS = (
    COUNTED
    + """\
outputs = pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"])
(outputs / "metrics.json").write_text(json.dumps({"accuracy": float(sys.argv[-1])}))
"""
)

FAILING = (
    COUNTED
    + """\
print("reading the data", flush=True)
raise ValueError("no such label: 'elephant'")
"""
)

FAILING_ONCE = (
    COUNTED
    + """\
if len(open(os.environ["STARTS"]).readlines()) == 1:
    raise OSError("the disk was busy")
"""
)


def run_of(project: Project, *, name: str = "tiny", **more: object) -> dict[str, object]:
    """Configuration of a run of `code/main.py` that can be counted and held."""
    return {"source": "code", "script": "main.py", "environment_variables": variables(project, name), **more}


def variables(project: Project, name: str) -> dict[str, str]:
    """Where the script counts its starts and waits."""
    return {"STARTS": str(starts_file(project, name)), "GATE": str(gate(project, name))}


def starts_file(project: Project, name: str = "tiny") -> Path:
    return project.folder / f"starts-{name}"


def starts(project: Project, name: str = "tiny") -> int:
    """How often the script was started."""
    file = starts_file(project, name)
    return len(file.read_text().splitlines()) if file.exists() else 0


def gate(project: Project, name: str = "tiny") -> Path:
    path = project.folder / f"gate-{name}"
    if not path.exists():
        os.mkfifo(path)
    return path


def open_gate(project: Project, name: str = "tiny") -> None:
    """Let the waiting script go on; it has the pipe open, or this waits until it has."""
    gate(project, name).write_text("go")


def begun(project: Project) -> Running:
    """An `up` that shows a run of WAITING; without a preview, for what its tests are about comes after that."""
    running = project.start("up", "--skip-preview")
    running.wait_for("waiting")
    return running


def see_through(project: Project) -> Result:
    """An `up` that shows a run of WAITING, lets it go on, and succeeds."""
    running = begun(project)
    open_gate(project)
    finished = running.finish()
    assert finished.code == 0, finished.text
    return finished
