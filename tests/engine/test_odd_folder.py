"""A whole life of a stack in a folder whose name means something in URLs, patterns, shells and configuration files."""

import json
import os
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import browser, processes
from tests.support.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

NAME = "my %20 #1?x='ü' [a]*{b} $HOME"
SCRIPT = """\
import json, os, pathlib, sys, time, urllib.request
data = pathlib.Path(sys.argv[1])
assert (data / "x y.txt").read_text() == "data"
uri, run = os.environ["MLFLOW_TRACKING_URI"], os.environ["MLFLOW_RUN_ID"]
for step in range(3):
    metric = {"run_id": run, "key": "accuracy", "value": step / 4, "step": step, "timestamp": int(time.time() * 1000)}
    request = urllib.request.Request(f"{uri}/api/2.0/mlflow/runs/log-metric", json.dumps(metric).encode())
    urllib.request.urlopen(urllib.request.Request(request.full_url, request.data, {"Content-Type": "application/json"}))
artifact = f"{uri}/api/2.0/mlflow-artifacts/artifacts/1/{run}/artifacts/a.txt"
urllib.request.urlopen(urllib.request.Request(artifact, b"artifact", method="PUT"))
pathlib.Path("outputs/model.txt").write_text("model")
print("written")
"""
OTHER = """\
import os, pathlib, sys, urllib.error, urllib.request
found = []
for place in sys.argv[2:]:
    try:
        found += [str(path) for path in pathlib.Path(place).rglob("*")]
        found.append(pathlib.Path(place).read_bytes())
    except OSError:
        pass
for path in ("", "api/2.0/mlflow/experiments/search?max_results=1", "health", "x/api/2.0/mlflow/runs/search"):
    try:
        found.append(urllib.request.urlopen(sys.argv[1] + path, timeout=10).read())
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
print(found)
"""


@pytest.fixture
def odd(tmp_path: Path, environment: dict[str, str]):  # type: ignore[no-untyped-def]
    tmp_path.chmod(0o755)
    made = Project(tmp_path / NAME, environment, shares=False)
    yield made
    processes.kill(processes.of(made.folder))


def trainup(project: Project, *words: str) -> str:
    command = [sys.executable, "-m", "trainup.cli", *words, "--stack", project.stack]
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_stack_lives_in_a_folder_of_any_name(odd: Project) -> None:
    odd.script(SCRIPT, source="code's")
    data = odd.folder / "data %41"
    data.mkdir()
    (data / "x y.txt").write_text("data")
    run = {"source": "code's", "script": "main.py", "arguments": ["${{inputs.d}}"], "inputs": {"d": {"data": "d"}}}
    shell = {
        "command": ["bash", "-c", "test -f ${{inputs.d}}/x* && touch ${{outputs.m}}/made"],
        "inputs": {"d": {"data": "d"}},
    }
    runs = {"tiny": run, "shell": {**shell, "outputs": ["m"]}}
    # The workspace is there, and open to everybody: what trainup puts into it is not.
    root = odd.folder / ".trainup" / odd.stack
    root.mkdir(parents=True)
    root.chmod(0o755)
    odd.configure(tracking="server", data={"d": {"path": "data %41"}}, runs=runs)

    assert odd.preview().code == 0
    done = odd.up()
    assert done.code == 0, done.text
    assert odd.up("--expect-no-changes").is_empty
    assert odd.preview("--expect-no-changes").is_empty
    assert odd.refresh("--expect-no-changes").is_empty

    told = odd.output()["runs"]["tiny"]
    assert (told["status"], told["metrics"]) == ("Completed", {"accuracy": 0.5})
    assert (odd.folder / told["outputs_uri"] / "model.txt").read_text() == "model"
    assert "tiny" in trainup(odd, "runs")
    assert "written" in trainup(odd, "logs", "tiny")
    assert (root / "mlflow" / "mlflow.db").is_file()
    assert [path.read_text() for path in (root / "mlflow" / "artifacts").rglob("a.txt")] == ["artifact"]
    browser.shows(told["web_url"], ["accuracy"], ".js-line", 1)

    # A script logged with steps, so the page has its curve; what was learned about the server stays here.
    report = Path(trainup(odd, "report").strip())
    (seen,) = browser.look(browser.Look(report))
    assert (seen["errors"], seen["charts"]) == ([], 2), "a curve and the timeline"
    assert told["web_url"].split("#")[0] not in report.read_text()
    assert odd.up("--expect-no-changes").is_empty

    check_that_nobody_else_reads(odd, told["web_url"])
    assert odd.destroy().code == 0
    assert odd.left_running() == []
    assert [path.name for path in odd.folder.parent.iterdir()] == [NAME]


def check_that_nobody_else_reads(project: Project, web_url: str) -> None:
    """Another user of this machine finds no file that can be read, and a server that tells nothing."""
    root = project.folder / ".trainup" / project.stack
    folders = [root / "runs", root / "slots", root / "mlflow", root / "store"]
    assert [path for path in folders if stat.S_IMODE(path.stat().st_mode) != 0o700] == []
    address = urlsplit(web_url)
    server = f"{address.scheme}://{address.netloc}/"
    told = [" ".join(process.cmdline()) for process in processes.of(project.folder)]
    assert not any(address.path.strip("/") in line for line in told), "nobody reads the address in a list of processes"
    if os.getuid() != 0:
        pytest.skip("only root can be somebody else")
    files = [str(path) for path in root.rglob("*") if path.is_file()]
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-I", "-", server, *map(str, folders), *files[:500]],
        input=OTHER,
        cwd="/",
        capture_output=True,
        text=True,
        user=65534,
        group=65534,
        extra_groups=[],
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    with urllib.request.urlopen(f"{web_url.partition('#')[0]}health", timeout=10) as answer:
        assert answer.status == 200
    assert json.loads((root / "mlflow" / "server.json").read_text())["secret"] in web_url
