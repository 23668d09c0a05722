"""`trainup up` on a terminal and without one: three runs on two slots, of which one waits and one fails."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.support.project import Project

pytestmark = pytest.mark.engine

# The two that run wait for each other, so that the third is seen to wait.
SCRIPT = """\
import json, os, pathlib, sys, time
name, code = sys.argv[1], int(sys.argv[2])
gate = pathlib.Path(sys.argv[3])
print("step 1", flush=True)
(gate / name).touch()
while len(list(gate.iterdir())) < 2:
    time.sleep(0.02)
time.sleep(1.5)  # longer than a look at the queue is used
print("step 2", flush=True)
json.dump({"accuracy": 0.75}, open(os.environ["TRAINUP_OUTPUT_DIR"] + "/metrics.json", "w"))
sys.exit(code)
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "trainup.cli", *words]


def on_terminal(project: Project, *words: str, columns: int) -> tuple[int, str]:
    """Run a command on a terminal of its own: its exit code, and all that it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    environment = {**project.environment, "TERM": "xterm-256color"}
    with subprocess.Popen(
        command(*words), cwd=project.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            written += piece
    os.close(ours)
    return process.returncode, written.decode()


def test_what_moves_has_a_line_and_what_counts_stays(project: Project) -> None:
    gate = project.folder.parent / "gate"
    gate.mkdir()
    project.script(SCRIPT)

    def run(name: str, code: int = 0) -> dict[str, object]:
        return {"source": "code", "script": "main.py", "arguments": [name, str(code), str(gate)]}

    def configure(code: int) -> None:
        runs = {"baseline": run("baseline"), "wide": run("wide", code), "tuned": run("tuned")}
        project.configure(cluster={"max_nodes": 2}, runs=runs)

    configure(code=4)
    code, written = on_terminal(project, "up", "--stack", project.stack, columns=80)
    assert code == 3, written
    assert written.index("\x1b[?25l") < written.rindex("\x1b[?25h"), "the cursor is back"
    text = ESCAPES.sub("", written).replace("\r", "\n")
    assert re.search(r"^\w+ +Queued +\d+ s +next in the queue", text, re.MULTILINE), text
    assert re.search(r"^\w+ +Running +\d+ s +step 1", text, re.MULTILINE), text
    assert re.search(r"^baseline: Completed  [\d.]+ s  accuracy=0.75$", text, re.MULTILINE), text
    failures = [line for line in text.splitlines() if "Failed (user_code): the command ended with exit code 4" in line]
    assert len(failures) == 1
    for name in ("baseline", "wide", "tuned"):
        log = [line for line in text.splitlines() if line.startswith(f"{name} | ")]
        assert log == [f"{name} | step 1", f"{name} | step 2"], text

    configure(code=0)
    again = subprocess.run(
        command("up", "--stack", project.stack, "--logs", "tuned"),
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (again.returncode, "\x1b" in again.stdout) == (0, False), again.stdout + again.stderr
    assert "wide: Completed" in again.stdout
    assert " | " not in again.stdout
    assert re.search(r"^1 replaced, 1\d unchanged; \d+ s$|^1 updated|^1 replaced", again.stdout, re.MULTILINE)

    project.configure(cluster={"max_nodes": 2}, runs={"wide": {**run("wide"), "retry": 1}})
    refused = subprocess.run(
        command("up", "--stack", project.stack),
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "retry" in refused.stdout
    assert on_terminal(project, "destroy", "--stack", project.stack, "--yes", columns=60)[0] == 0
