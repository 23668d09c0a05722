"""A stack's lock goes only when the command that held it is provably dead."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainup.toolchain import backends, locks

PROJECT = "own"


@pytest.fixture
def backend(tmp_path: Path) -> Path:
    folder = tmp_path / "back end"
    (folder / ".pulumi" / "locks" / "organization" / PROJECT / "local").mkdir(parents=True)
    return folder


def lock_of(backend: Path, pid: int, host: str | None = None) -> Path:
    file = backend / ".pulumi" / "locks" / "organization" / PROJECT / "local" / f"{pid}.json"
    file.write_text(json.dumps({"pid": pid, "username": "somebody", "hostname": host or socket.gethostname()}))
    return file


@pytest.fixture
def living_cli(tmp_path: Path) -> Iterator[int]:
    program = tmp_path / "pulumi"
    shutil.copy(shutil.which("cat") or "", program)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"x")
        process.stdout.read(1)  # now it runs under its own name
        yield process.pid
        process.kill()


def clear(backend: Path, stack: str) -> None:
    place = backends.locate(backend.as_uri(), PROJECT, stack)
    assert place
    locks.clear(place)


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_lock_of_a_dead_process_is_cleared(backend: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = lock_of(backend, dead_pid())
    clear(backend, "local")
    assert not lock.exists()
    assert "the lock is cleared" in capsys.readouterr().err


def test_a_stack_may_be_named_with_its_organization_and_project(backend: Path) -> None:
    lock = lock_of(backend, dead_pid())
    clear(backend, f"organization/{PROJECT}/local")
    assert not lock.exists()


def test_a_number_that_another_program_has_now_counts_as_dead(backend: Path) -> None:
    lock = lock_of(backend, os.getpid())
    clear(backend, "local")
    assert not lock.exists()


def test_the_lock_of_a_living_cli_stays(backend: Path, living_cli: int) -> None:
    lock = lock_of(backend, living_cli)
    clear(backend, "local")
    assert lock.exists()


def test_the_lock_of_another_machine_stays_and_is_told(backend: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = lock_of(backend, dead_pid(), host="elsewhere")
    clear(backend, "local")
    assert lock.exists()
    assert "elsewhere" in capsys.readouterr().err


def test_the_lock_of_another_stack_stays(backend: Path) -> None:
    lock = lock_of(backend, dead_pid())
    clear(backend, "dev")
    assert lock.exists()


@pytest.mark.parametrize("content", ["[]", '{"pid": "x", "hostname": "y"}'])
def test_a_lock_of_another_form_stays(backend: Path, content: str) -> None:
    lock = lock_of(backend, dead_pid())
    lock.write_text(content)
    clear(backend, "local")
    assert lock.exists()


@pytest.mark.parametrize(("name", "content"), [("a.json", ""), ("a.json", '{"pi'), ("a.json.18ff.tmp", '{"pid": 1}')])
def test_what_is_left_of_a_lock_that_was_never_finished_goes(
    backend: Path, name: str, content: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "SETTLING", 0)
    unfinished = lock_of(backend, os.getpid()).with_name(name)
    unfinished.write_text(content)
    clear(backend, "local")
    assert not unfinished.exists()
    assert "its unfinished lock is removed" in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["s3://bucket", "", "https://api.pulumi.com"])
def test_other_backends_have_no_locks_that_could_be_judged(backend: str) -> None:
    assert backends.locate(backend, PROJECT, "local") is None
