"""What connections of a rehearsal's processes are seen, and whose they are."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trainup.simulator.watch import Watch

NOBODYS = ("192.0.2.1", 9)
CONNECTED = f"""#!{sys.executable}
import socket, sys
with socket.socket(type=socket.SOCK_DGRAM) as far:
    far.connect({NOBODYS})
    print("connected", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    for name in ("jobs", "environments"):
        (tmp_path / name).mkdir()
    return Watch(tmp_path / "jobs", tmp_path / "environments")


@pytest.fixture(autouse=True)
def _way_out() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as far:
        try:
            far.connect(NOBODYS)  # sends nothing
        except OSError:
            pytest.skip("this machine has no way out")


@contextmanager
def connected(*words: str, folder: Path) -> Iterator[None]:
    """A process that has a connection to elsewhere."""
    with subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"connected\n"
        yield
        process.communicate()


def program(folder: Path, name: str) -> str:
    """A program of this name that connects to elsewhere."""
    path = folder / name
    path.write_text(CONNECTED)
    path.chmod(0o755)
    return str(path)


def test_a_connection_that_leads_off_this_machine_is_seen_and_one_to_itself_is_not(watch: Watch) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as near, socket.socket(type=socket.SOCK_DGRAM) as far:
        near.connect(("127.0.0.1", 9))
        watch.look()
        assert watch.strays == []
        far.connect(NOBODYS)
        watch.look()
        watch.look()
    (line,) = watch.strays
    assert line.endswith("→ 192.0.2.1:9")


def test_uv_fetches_packages_while_it_builds_an_environment(watch: Watch, tmp_path: Path) -> None:
    python = str(watch.environments / "0123" / "bin" / "python")
    with connected(program(tmp_path, "uv"), "pip", "install", "--python", python, "fastai", folder=tmp_path):
        watch.look()
    assert (watch.builders, watch.strays, watch.scripts) == (["uv → 192.0.2.1:9"], [], [])


def test_uv_has_nothing_else_to_look_for_elsewhere(watch: Watch, tmp_path: Path) -> None:
    uv, python = program(tmp_path, "uv"), str(watch.environments / "0123" / "bin" / "python")
    with connected(uv, "pip", "install", "--python", str(tmp_path / ".venv"), folder=tmp_path):
        watch.look()
    assert (watch.builders, watch.strays) == ([], ["uv → 192.0.2.1:9"])
    watch.strays.clear()
    with connected("sh", "-c", f"{uv} pip install --python {python}; true", folder=tmp_path):
        watch.look()
    assert (watch.builders, watch.strays) == ([], ["uv → 192.0.2.1:9"]), "somebody else has started it"


def test_only_uv_is_a_builder(watch: Watch, tmp_path: Path) -> None:
    with connected(program(tmp_path, "pip"), "install", "--target", str(watch.environments), folder=tmp_path):
        watch.look()
    assert (watch.builders, watch.strays) == ([], ["pip → 192.0.2.1:9"])


def test_what_works_in_a_jobs_folder_is_a_script_of_its_own(watch: Watch, tmp_path: Path) -> None:
    with connected(program(tmp_path, "uv"), "pip", "install", "fastai", folder=watch.jobs):
        watch.look()
    assert (watch.builders, watch.strays, watch.scripts) == ([], [], ["uv → 192.0.2.1:9"])
