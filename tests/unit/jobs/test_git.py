"""What git says of a project when a run starts."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainup.core.git_state import GitState
from trainup.jobs import git


def call(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    folder = tmp_path / "repository" / "project"
    folder.mkdir(parents=True)
    (folder / "train.py").write_text("print(1)\n")
    call(folder.parent, "init")
    call(folder, "add", ".")
    call(folder, "commit", "-m", "first")
    return folder


def test_the_commit_the_branch_and_what_was_changed_are_known(repository: Path) -> None:
    commit = call(repository, "rev-parse", "HEAD")
    assert git.state_of(repository) == GitState(commit, "main", "", False)
    (repository / "train.py").write_text("print(2)\n")
    assert git.state_of(repository) == GitState(commit, "main", "", True)
    call(repository, "commit", "-am", "second")
    (repository / "new.py").write_text("")
    assert git.state_of(repository).dirty, "an untracked file may be part of the run"
    call(repository, "checkout", "--detach")
    assert git.state_of(repository).branch == ""


def test_what_is_outside_of_the_project_and_what_trainup_writes_make_nothing_dirty(repository: Path) -> None:
    (repository.parent / "notes").write_text("")
    (repository / ".trainup").mkdir()
    (repository / ".trainup" / "runs").write_text("")
    assert git.state_of(repository).dirty is False


def test_the_address_of_the_remote_has_no_credentials(repository: Path) -> None:
    call(repository, "remote", "add", "origin", "https://user:pass@host/owner/name.git")
    assert git.state_of(repository).repository == "https://host/owner/name.git"


def test_asking_changes_nothing_in_the_repository(repository: Path) -> None:
    index = repository.parent / ".git" / "index"
    (repository / "train.py").touch()  # git would note the new time in its index
    before = index.read_bytes(), index.stat().st_mtime_ns
    git.state_of(repository)
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_without_git_a_repository_or_a_commit_nothing_is_known(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert git.state_of(outside) == GitState()
    call(outside, "init")
    assert git.state_of(outside) == GitState()
    assert git.state_of(tmp_path / "missing") == GitState()
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert git.state_of(repository) == GitState()


def test_runs_that_start_together_ask_once_and_later_ones_again(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def ask(folder: Path) -> GitState:
        asked.append(folder)
        return GitState(f"commit {len(asked)}")

    now = [100.0]
    monkeypatch.setattr(git, "state_of", ask)
    monkeypatch.setattr(git.time, "monotonic", lambda: now[0])
    states = git.GitStates()
    with ThreadPoolExecutor(8) as pool:
        commits = {state.commit for state in pool.map(lambda _: states.state_of(repository), range(50))}
    assert commits == {"commit 1"}
    assert states.state_of(repository.parent).commit == "commit 2"
    now[0] += git.FRESH + 1
    assert states.state_of(repository).commit == "commit 3"
    assert asked == [repository, repository.parent, repository]
