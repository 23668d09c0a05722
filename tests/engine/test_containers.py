"""Commands of two containers that share a backend: neither clears the other's lock while it works."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.project import REPOSITORY, Project
from tests.support.waiting import until
from tests.unit.toolchain.test_holders import NAMESPACE, own_namespace

UP = f"""\
import os, sys
sys.path.insert(0, {str(REPOSITORY / "src")!r})
from trainup.toolchain import backends, checkpoints, locks, stacks
place = backends.locate(os.environ["PULUMI_BACKEND_URL"], "trainup", os.environ["PULUMI_STACK"])
locks.clear(place)
checkpoints.mend(place)
words = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]
stacks.become([sys.argv[1], *words[1:]], os.environ, place)
"""
SCRIPT = "import os, time\nopen('begun', 'w').close()\nwhile not os.path.exists({gate!r}): time.sleep(0.05)\n"


def up(project: Project, cli: str) -> "subprocess.Popen[str]":
    """What `make up` does in a container: process numbers of its own, and the machine's name."""
    return subprocess.Popen(
        [*NAMESPACE, sys.executable, "-c", UP, cli],
        cwd=project.folder,
        env={**project.environment, "TRAINUP_TYPED": "make"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def runs_of(project: Project) -> list[dict[str, object]]:
    return [json.loads(record.with_name("status.json").read_text()) for record in project.records()]


@own_namespace
@pytest.mark.parametrize("is_own", [True, False], ids=["from another container", "from the machine"])
def test_a_command_in_a_container_keeps_its_lock_until_it_is_gone(
    project: Project, tmp_path: Path, is_own: bool
) -> None:
    gate = tmp_path / "gate"
    project.script(SCRIPT.format(gate=str(gate)))
    project.configure(runs={"a": {"source": "code", "script": "main.py"}})
    path = project.environment["PATH"].split(os.pathsep)
    cli = next(str(Path(folder, "pulumi")) for folder in path if os.access(Path(folder, "pulumi"), os.X_OK))
    first = up(project, cli)
    try:
        until(lambda: any((record.parent / "code" / "begun").exists() for record in project.records()))
        if is_own:
            second, _ = up(project, cli).communicate()
        else:
            project.unlock()
            second = project.up().text
        assert "the stack is currently locked by 1 lock(s)" in second
        assert "the lock is cleared" not in second
        assert first.poll() is None
    finally:
        family = psutil.Process(first.pid).children(recursive=True)
        first.kill()
        first.communicate()
        assert psutil.wait_procs(family, timeout=60)[1] == []
    gate.touch()
    if is_own:
        third = up(project, cli)
        text, _ = third.communicate()
        assert "the lock is cleared" in text
        assert third.returncode == 0, text
    else:
        project.unlock()
        assert project.up().code == 0
    assert [run["status"] for run in runs_of(project)][-1] == "Completed"
    assert len(runs_of(project)) == 2, "what was in the container ended with it"
