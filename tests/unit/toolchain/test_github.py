"""The login of a job of GitHub, and the workflows themselves."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.tokens import TOKEN, tokens
from trainup.toolchain import github, pulumi_cli, uv
from trainup.toolchain.paths import ROOT, TOOLCHAIN, SetupError

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"


def test_the_jobs_token_is_written_where_nobody_else_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with tokens() as variables:
        github.login(file, variables=variables)
        github.login(file, variables=variables)
    assert file.read_text() == TOKEN
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_service_that_stumbles_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github, "PAUSE_SECONDS", 0)
    with tokens(failures=2) as variables:
        github.login(tmp_path / "token", variables=variables)
    assert (tmp_path / "token").read_text() == TOKEN


def test_a_job_without_permission_is_told_which_one_it_needs(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="id-token: write"):
        github.login(tmp_path / "token", variables={})
    with tokens() as variables, pytest.raises(SetupError, match="401"):
        github.login(tmp_path / "token", variables={**variables, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "another"})


@pytest.fixture(scope="session")
def actionlint() -> Path:
    """The linter, built on first use."""
    folder = TOOLCHAIN / "actionlint"
    program = folder / ACTIONLINT.rpartition("@")[2] / "actionlint"
    if not program.exists():
        try:
            go = pulumi_cli.find_go(uv.ensure())
        except SetupError as error:
            pytest.skip(f"Go cannot be had: {error}")
        places = {"GOPATH": "go", "GOMODCACHE": "go", "GOCACHE": "cache"}
        caches = {name: str(folder / place) for name, place in places.items()}
        environment = {**os.environ, **caches, "GOFLAGS": "-modcacherw", "GOBIN": str(program.parent)}
        done = subprocess.run([go, "install", ACTIONLINT], env=environment, capture_output=True, text=True)
        for cache in ("go", "cache"):
            shutil.rmtree(folder / cache, ignore_errors=True)
        if done.returncode:
            pytest.skip(f"actionlint cannot be had: {done.stderr}")
    return program


@pytest.mark.slow
def test_the_workflows_are_sound(actionlint: Path) -> None:
    done = subprocess.run([actionlint, "-color=false"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
