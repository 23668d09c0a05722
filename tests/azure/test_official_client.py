"""What the official client, azure-ai-ml, makes of the Azure on this machine."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from trainup.jobs.local.environments import find_uv
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import rehearsal

pytestmark = pytest.mark.slow

CLIENT = "azure-ai-ml==1.35.2"
SCRIPT = Path(__file__).with_name("official_client.py")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the client and what it needs."""
    folder = tmp_path_factory.mktemp("official-client")
    uv = find_uv(SCRIPT.parents[2])
    subprocess.run([uv, "venv", "--quiet", "--python", "3.11", str(folder)], check=True)
    made = folder / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(made), CLIENT], check=True)
    return made


def test_it_makes_a_cluster_trains_streams_downloads_and_registers(python: Path, tmp_path: Path) -> None:
    with rehearsal(tmp_path / "rehearsal") as running:
        # It cannot stream a job that tells its default output, as jobs of the service do.
        running.azure.default_output = False
        # It prints the log of a job only while that is under way, so the job waits until the client looks.
        running.azure.faults.add(Fault("GET", path="*/details", call=(tmp_path / "go").touch))
        sample = furnish(running.azure)
        words = sample.workspace.split("/")
        done = subprocess.run(
            [str(python), str(SCRIPT), words[2], words[4], words[8], str(tmp_path)],
            env=running.environment(os.environ),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert running.trap.caught == []
    told = json.loads(done.stdout.splitlines()[-1])
    assert "data cats" in told.pop("log")
    assert told == {
        "workspace": "westeurope",
        "cluster": "ProvisioningState.SUCCEEDED",
        "environment": "1",
        "status": "Completed",
        "downloaded": [
            "artifacts/artifacts/outputs/metrics.json",
            "artifacts/artifacts/user_logs/std_log.txt",
            "model/named-outputs/model/model.bin",
        ],
        "code_is_shared": True,
        "jobs": 2,
        "model": "1",
        "sizes": True,
        "usage": True,
        "clusters": ["gpu-cluster"],
    }
