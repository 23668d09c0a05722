"""A Docker daemon and a registry for the time of a test, in folders and on ports of their own."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import until

PROGRAMS = ("docker", "dockerd", "docker-registry")
REGISTRY = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:0"}}
"""


class Unavailable(Exception):
    """Docker cannot run here; the message says why, and what would help."""


@dataclass(frozen=True)
class Docker:
    """Both, running."""

    host: str
    """For `DOCKER_HOST`."""
    registry: str
    """`localhost:<port>`, without encryption or login."""

    def run(self, *words: str, folder: Path | None = None) -> str:
        """A docker command that has to succeed; its standard output."""
        environment = {**os.environ, "DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"}
        done = subprocess.run(["docker", *words], cwd=folder, env=environment, capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode(errors="replace")


@contextmanager
def docker() -> Iterator[Docker]:
    """Start both, and leave nothing behind. Unavailable when they are not installed, or not allowed to start."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)} not found; on Debian: apt-get install docker.io docker-registry")
    if os.geteuid() != 0:
        raise Unavailable("a Docker daemon is started by root alone")
    with ExitStack() as stack:
        # Not below pytest's own folder: the address of a socket holds about a hundred characters.
        folder = Path(tempfile.mkdtemp(prefix="trainup-docker-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        host = f"unix://{folder}/docker.sock"
        daemon = [
            "dockerd",
            f"--host={host}",
            f"--data-root={folder}/data",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/docker.pid",
            # Nothing of the machine's network is touched, and no file system on top of another is needed.
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--storage-driver=vfs",
        ]
        _started(stack, daemon, folder / "daemon.log", lambda text: "API listen on" in text)
        config = folder / "registry.yml"
        config.write_text(REGISTRY.format(root=folder / "registry"))
        log = folder / "registry.log"
        _started(stack, ["docker-registry", "serve", str(config)], log, lambda text: bool(_PORT.search(text)))
        found = _PORT.search(log.read_text())
        assert found
        yield Docker(host, f"localhost:{found[1]}")


_PORT = re.compile(r"listening on 127\.0\.0\.1:(\d+)")


def _started(stack: ExitStack, command: list[str], log: Path, is_ready: Callable[[str], bool]) -> None:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    stack.callback(_stop, process)

    def is_up() -> bool:
        text = log.read_text(errors="replace")
        if process.poll() is not None:
            last = "\n".join(text.splitlines()[-3:])
            raise Unavailable(f"{command[0]} does not start on this machine: {last}")
        return is_ready(text)

    until(is_up)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
