"""trainup as a stranger has it: installed from a wheel, in a repository of their own, without a checkout."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.project import REPOSITORY
from trainup.toolchain import uv
from trainup.toolchain.paths import BIN

FIT = """\
import json
import os

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

x, y = load_digits(return_X_y=True)
model = LogisticRegression(max_iter=50).fit(x[:1500] / 16, y[:1500])
with open(os.path.join(os.environ["TRAINUP_OUTPUT_DIR"], "metrics.json"), "w") as file:
    json.dump({"accuracy": model.score(x[1500:] / 16, y[1500:])}, file)
"""
ODD = "my models #1, 100% für alle"


@dataclass
class Stranger:
    """Somebody with a home, a shell, and trainup installed."""

    home: Path
    folder: Path
    environment: Mapping[str, str]

    def run(self, *words: str, fails: bool = False, folder: Path | None = None, **variables: str) -> str:
        done = subprocess.run(
            words,
            cwd=folder or self.folder,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    copy, folder = tmp_path_factory.mktemp("sources") / "checkout", tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".git", ".venv", ".toolchain", ".trainup", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(REPOSITORY, copy, symlinks=True, ignore=ignored)
    _uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(copy))
    return next(folder.glob("*.whl"))


@pytest.fixture
def stranger(tmp_path: Path, wheel: Path, environment: dict[str, str]) -> Iterator[Stranger]:
    home, folder = tmp_path / "home", tmp_path / ODD
    for made in (home, folder):
        made.mkdir()
    venv = tmp_path / "venv"
    _uv("venv", "--quiet", str(venv))
    _uv("pip", "install", "--quiet", "--python", str(venv / "bin" / "python"), str(wheel))
    # The Pulumi CLI, where `trainup setup` puts what it builds.
    tools = home / ".cache" / "trainup" / "bin"
    tools.mkdir(parents=True)
    for file in BIN.iterdir():
        (os.link if file.name == "pulumi" else shutil.copy)(file, tools / file.name)
    kept = ("SSL_CERT_FILE", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_FIND_LINKS", "PIP_INDEX_URL", "LANG")
    cache = subprocess.run([uv.ensure(), "cache", "dir"], capture_output=True, text=True, env=environment, check=True)
    yield Stranger(
        home,
        folder,
        {
            **{name: environment[name] for name in kept if name in environment},
            "HOME": str(home),
            "PULUMI_HOME": str(home / ".pulumi"),  # the CLI looks for the home elsewhere
            "PATH": os.pathsep.join([str(venv / "bin"), str(uv.ensure().parent), "/usr/bin", "/bin"]),
            "UV_CACHE_DIR": cache.stdout.strip(),
        },
    )
    processes.kill(processes.of(folder))


def _uv(*words: str) -> None:
    done = subprocess.run([uv.ensure(), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_strangers_script_becomes_a_run_that_trains_once(stranger: Stranger) -> None:
    (stranger.folder / "fit.py").write_text(FIT)
    (stranger.folder / "requirements.txt").write_text("scikit-learn\n")
    assert "next: trainup up" in stranger.run("trainup", "init", "--yes")

    first = stranger.run("trainup", "up")
    assert "fit: Completed" in first
    assert "warning" not in first
    assert "accuracy=0.9" in stranger.run("trainup", "runs")
    below = stranger.folder / "below"
    below.mkdir()
    assert "10 unchanged" in stranger.run("trainup", "up", folder=below)

    (stranger.folder / "fit.py").write_text(FIT.replace("max_iter=50", "max_iter=60"))
    second = stranger.run("trainup", "up")
    assert "~source" in second or "replaced" in second
    assert "1 replaced" in second

    stranger.run("trainup", "destroy")
    assert processes.left(stranger.folder) == []


def test_a_further_local_stack_needs_no_passphrase_and_counts_once_it_is_selected(stranger: Stranger) -> None:
    script = "import json, os\njson.dump({'x': 1}, open(os.environ['TRAINUP_OUTPUT_DIR'] + '/metrics.json', 'w'))\n"
    (stranger.folder / "train.py").write_text(script + "print('trained')\n")
    stranger.run("trainup", "init", "--yes")
    local = stranger.folder / "Pulumi.local.yaml"
    local.write_text(local.read_text().replace("config:\n", "config:\n  trainup:workspace: {tracking: none}\n"))
    stranger.run("trainup", "stack", "sweep")
    shutil.copy(local, stranger.folder / "Pulumi.sweep.yaml")
    assert "trained" in stranger.run("trainup", "up", "--stack", "sweep")
    assert stranger.run("trainup", "runs", PULUMI_STACK="sweep").count("Completed") == 1
    page = Path(stranger.run("trainup", "report", PULUMI_STACK="sweep").strip())
    assert page.stat().st_size > 400_000, "the page holds what draws it"
    assert "there is no stack 'local'" in stranger.run("trainup", "runs", fails=True)
    stranger.run("sh", "-c", 'eval "$(trainup env)" && pulumi stack select sweep')
    assert stranger.run("trainup", "runs").count("Completed") == 1
    # Plain Pulumi, in a shell of the environment that trainup is installed in, finds the plugin as well.
    assert "unchanged" in stranger.run("sh", "-c", 'eval "$(trainup env --stack sweep)" && pulumi up --yes')
    stranger.run("trainup", "destroy")


def test_what_stands_in_the_way_is_told_in_one_message(stranger: Stranger) -> None:
    assert "there is no Pulumi.yaml" in stranger.run("trainup", "up", fails=True)
    assert "there is no Pulumi.yaml" in stranger.run("trainup", "runs", fails=True)
    (stranger.folder / "train.py").write_text("print('trained')\n")
    stranger.run("trainup", "init", "--yes")
    project = stranger.folder / "Pulumi.yaml"
    project.write_text(project.read_text().replace(">=3.245.0", ">=99.0.0"))
    assert "does not satisfy the version range" in stranger.run("trainup", "preview", fails=True)


def test_a_program_that_uses_the_components_is_checked_by_their_types(stranger: Stranger) -> None:
    """By mypy, which a consumer runs over a program of their own; Azure's SDK is not installed there."""
    program = stranger.folder / "program.py"
    right = (REPOSITORY / "examples" / "components-in-python" / "__main__.py").read_text()
    python = shutil.which("python", path=stranger.environment["PATH"])
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), program.name]
    program.write_text(right)
    assert "Success" in stranger.run(*command)
    for old, new, told in (
        ('"max_nodes": 2', '"max_node": 2', '"max_node"'),
        ('"target": "local",', "", '"target"'),
        ("runs[4].status", "runs[4].state", '"state"'),
    ):
        assert old in right
        program.write_text(right.replace(old, new))
        assert told in stranger.run(*command, fails=True)
