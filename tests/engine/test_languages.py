"""Programs in other languages: the plugin makes the components that they declare."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import environments, languages, processes
from tests.support.copies import Copy
from tests.support.project import REPOSITORY
from tests.support.requests import post

SECRET = "not shown anywhere"
SERVED = {
    "Pulumi.yaml": """\
  model:
    type: trainup:Model
    properties:
      target: local
      workspaceId: ${workspace.workspaceId}
      run: ${hello.name}
      runDigest: ${hello.digest}
      runStatus: ${hello.status}
      path: metrics.json
  gate:
    type: trainup:Gate
    properties:
      target: local
      workspaceId: ${workspace.workspaceId}
      modelName: model
      candidate: ${model.registered}
      rules: [token > 0]
  served:
    type: trainup:LocalEndpoint
    properties:
      workspaceId: ${workspace.workspaceId}
      source: scoring
      image: ${gate.live.image}
      model: {uri: "${gate.live.uri}", digest: "${gate.live.digest}", path: "${gate.live.path}"}
""",
    "index.ts": """\
const hello = (name: string) => run.output<string>(name);
const model = new Component(
    "Model", "model",
    {
        target: "local", workspaceId, run: hello("name"), runDigest: hello("digest"), runStatus: hello("status"),
        path: "metrics.json",
    },
    ["registered"],
);
const gate = new Component(
    "Gate", "gate",
    { target: "local", workspaceId, modelName: "model", candidate: model.output("registered"), rules: ["token > 0"] },
    ["live"],
);
const live = gate.output<Record<string, string>>("live");
const of = (key: string) => live.apply((one) => one[key]);
new Component(
    "LocalEndpoint", "served",
    {
        workspaceId, source: "scoring", image: of("image"),
        model: { uri: of("uri"), digest: of("digest"), path: of("path") },
    },
    ["url"],
);
""",
}
"""A model, a gate and an endpoint, as each language declares them after the run."""
SCORE = """\
import json, os
def init():
    global metrics
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "metrics.json")) as file:
        metrics = json.load(file)
def run(raw_data):
    return metrics["token"]
"""

pytestmark = pytest.mark.timeout(1800)  # whoever comes first builds the language host for YAML


@pytest.fixture(params=["yaml", "typescript"])
def program(request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]) -> Iterator[Copy]:
    example = REPOSITORY / "examples" / f"components-in-{request.param}"
    if request.param == "yaml":
        copied = Copy(example, tmp_path / "program", environment, path=languages.yaml_host())
    elif shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    else:
        copied = Copy(example, tmp_path / "program", environment, path=languages.node_host())
        (copied.folder / "node_modules").symlink_to(languages.node_packages())
        subprocess.run([copied.folder / "node_modules" / ".bin" / "tsc"], cwd=copied.folder, check=True)
    yield copied
    processes.kill(processes.of(copied.folder))


def test_a_program_in_another_language_declares_everything_and_trains_once(program: Copy) -> None:
    preview = program.trainup("preview")
    assert "10 to create" in preview
    assert not (program.folder / ".trainup" / "local" / "runs").exists()
    first = program.trainup("up")
    assert "epoch 3/3" in first
    assert "hello: Completed" in first
    assert "10 created" in first
    assert "10 unchanged" in program.trainup("up")

    state = next((program.folder / ".trainup" / "backend").rglob("local.json")).read_text()
    assert SECRET not in state
    assert json.loads(state)["checkpoint"]["latest"]["resources"]
    metrics = next((program.folder / ".trainup" / "local" / "runs").glob("*/outputs/metrics.json"))
    assert json.loads(metrics.read_text())["token"] == len(SECRET)

    script = program.folder / "src" / "hello.py"
    script.write_text(script.read_text() + "\n")
    assert "1 replaced" in program.trainup("up")
    program.trainup("destroy")
    assert processes.left(program.folder) == []


def test_mistakes_in_a_program_are_told_in_a_sentence(program: Copy) -> None:
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


def test_a_program_in_another_language_can_declare_a_model_a_gate_and_an_endpoint(program: Copy) -> None:
    serve(program)
    assert "16 to create" in program.trainup("preview")


@pytest.mark.parametrize("program", ["yaml"], indirect=True)
def test_a_program_in_another_language_serves_what_its_gate_lets_through(program: Copy) -> None:
    serve(program)
    environments.share(program.workspace)
    program.trainup("up")
    state = json.loads(next((program.folder / ".trainup" / "backend").rglob("local.json")).read_text())
    resources = state["checkpoint"]["latest"]["resources"]
    (endpoint,) = [one["outputs"] for one in resources if one["type"] == "trainup:index:Endpoint"]
    assert post(endpoint["url"], b"{}") == (200, len(SECRET))
    assert "16 unchanged" in program.trainup("up")
    program.trainup("destroy")
    assert processes.left(program.folder) == []


def serve(program: Copy) -> None:
    """Write a model, a gate and an endpoint into the program."""
    file = program.folder / ("index.ts" if (program.folder / "index.ts").exists() else "Pulumi.yaml")
    text = file.read_text().replace("tracking: none", "tracking: server")
    text = text.replace('tracking: "none"', 'tracking: "server"')
    text = text.replace('["status", "metrics"]', '["name", "digest", "status", "metrics"]')
    above, outputs, below = text.partition("outputs:\n")
    file.write_text(above + SERVED[file.name] + outputs + below)
    if file.suffix == ".ts":
        subprocess.run([program.folder / "node_modules" / ".bin" / "tsc"], cwd=program.folder, check=True)
    (program.folder / "scoring").mkdir()
    (program.folder / "scoring" / "score.py").write_text(SCORE)
