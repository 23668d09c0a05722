"""`python -m trainup.simulator`."""

import os
import subprocess
import sys
from pathlib import Path

import requests


def test_it_prints_the_variables_and_serves_until_it_is_asked_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainup.simulator", "--sample", "--folder", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("# workspace"):
                    break
            shell = "".join(lines) + 'printf %s "$ARM_METADATA_HOSTNAME $REQUESTS_CA_BUNDLE"\n'
            host, bundle = subprocess.check_output(["bash", "-c", shell], text=True).split()
            url = f"https://{host}/metadata/endpoints?api-version=2022-09-01"
            assert requests.get(url, verify=bundle, timeout=10).json()["resourceManager"] == f"https://{host}"
        finally:
            process.terminate()
            assert process.wait(30) == 0
    assert not Path(bundle).exists()
    assert (tmp_path / "requests.jsonl").is_file()
    assert list((tmp_path / "bodies").iterdir())
