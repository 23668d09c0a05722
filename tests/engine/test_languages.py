"""Programs in other languages: the plugin makes the components that they declare."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import languages, processes
from tests.support.project import REPOSITORY

SECRET = "not shown anywhere"


class Folder:
    """A copy of an example, in which `trainup` is typed."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def trainup(self, *words: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["trainup", *words, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout


@pytest.fixture(params=["yaml", "typescript"])
def program(request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]) -> Iterator[Folder]:
    folder = tmp_path / "program"
    shutil.copytree(REPOSITORY / "examples" / f"components-in-{request.param}", folder)
    if request.param == "yaml":
        host = languages.yaml_host()
    elif shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    else:
        host = languages.node_host()
        (folder / "node_modules").symlink_to(languages.node_packages())
        subprocess.run([folder / "node_modules" / ".bin" / "tsc"], cwd=folder, check=True)
    own = {name: value for name, value in environment.items() if name not in ("PULUMI_BACKEND_URL", "PULUMI_STACK")}
    yield Folder(
        folder,
        {**own, "PATH": os.pathsep.join([str(host), environment["PATH"]]), "PULUMI_HOME": str(tmp_path / "home")},
    )
    processes.kill(processes.of(folder))


def test_a_program_in_another_language_declares_everything_and_trains_once(program: Folder) -> None:
    preview = program.trainup("preview")
    assert "+ 10 to create" in preview
    assert not (program.folder / ".trainup" / "local" / "runs").exists()
    first = program.trainup("up")
    assert "epoch 3/3" in first
    assert 'status : "Completed"' in first
    assert "+ 10 created" in first
    assert "10 unchanged" in program.trainup("up")
    assert "10 unchanged" in program.trainup("preview")

    state = next((program.folder / ".trainup" / "backend").rglob("local.json")).read_text()
    assert SECRET not in state
    assert json.loads(state)["checkpoint"]["latest"]["resources"]
    metrics = next((program.folder / ".trainup" / "local" / "runs").glob("*/outputs/metrics.json"))
    assert json.loads(metrics.read_text())["token"] == len(SECRET)

    script = program.folder / "src" / "hello.py"
    script.write_text(script.read_text() + "\n")
    assert "+-1 replaced" in program.trainup("up")
    program.trainup("destroy")
    assert processes.left(program.folder) == []


def test_mistakes_in_a_program_are_told_in_a_sentence(program: Folder) -> None:
    file = next(program.folder / name for name in ("bin/index.js", "Pulumi.yaml") if (program.folder / name).exists())
    right = file.read_text()

    def told(old: str, new: str) -> str:
        assert old in right
        file.write_text(right.replace(old, new))
        output = program.trainup("preview", fails=True)
        assert "Traceback" not in output
        return output

    assert "maxNode" in told("maxNodes: 2", "maxNode: 2")
    assert "max_nodes is a whole number from 1 to 1000" in told("maxNodes: 2", "maxNodes: 0")
