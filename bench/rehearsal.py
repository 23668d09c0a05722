"""How long one waits for the Azure on this machine: for its first answer, and for a whole rehearsal."""

import shlex
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import yaml

from bench.measure import Row, alternate, row
from tests.support.project import REPOSITORY, Project, toolchain_environment

REPEATS = 5


def run(folder: Path) -> list[Row]:
    """A new process to its first answer, beside Python alone; then the dev stack deployed, trained and destroyed."""
    started, python = alternate(REPEATS, _first_answer, _python)
    name = "the simulator, start to first answer"
    return [
        row(name, "Python, nothing else", python, "s"),
        row(name, "trainup", started, "s", at_most=1),
        Row(
            "a rehearsal of the dev stack", "trainup", _rehearsed(folder), "s", note="a tiny run, and no image to fill"
        ),
    ]


def _first_answer() -> float:
    begun = time.perf_counter()
    command = [sys.executable, "-m", "trainup.simulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told: dict[str, str] = {}
            while not {"ARM_METADATA_HOSTNAME", "SSL_CERT_FILE"} <= told.keys():
                (_, setting) = shlex.split(process.stdout.readline())
                variable, _, value = setting.partition("=")
                told[variable] = value
            trusted = ssl.create_default_context(cafile=told["SSL_CERT_FILE"])
            address = f"https://{told['ARM_METADATA_HOSTNAME']}/metadata/endpoints?api-version=2022-09-01"
            with urllib.request.urlopen(address, context=trusted) as answer:
                assert answer.status == 200
            return time.perf_counter() - begun
        finally:
            process.terminate()


def _python() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - begun


def _rehearsed(folder: Path) -> float:
    project = Project(folder / "project", toolchain_environment())
    project.script("print('done')\n")
    project.script("FROM scratch\n", "image", "Dockerfile")
    config = yaml.safe_load((REPOSITORY / "Pulumi.dev.yaml").read_text())["config"]
    config["trainup:image"] = {"context": "image"}
    config["trainup:runs"] = {"tiny": {"source": "code", "script": "main.py"}}
    (project.folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    command = [sys.executable, "-m", "trainup.simulator.rehearse", "--own-runs"]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - begun
