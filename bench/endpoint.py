"""A model behind an address of this machine, beside the same script under the bare server; and a swap under load."""

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from bench.measure import Row, row
from tests.support.copies import Copy
from tests.support.project import REPOSITORY, toolchain_environment
from tests.support.waiting import until
from trainup.jobs.local.files import read_json
from trainup.jobs.local.mlflow_server import free_port
from trainup.jobs.local.serving.endpoints import ENTRY
from trainup.jobs.local.serving.folder import DeploymentFolder, EndpointFolder
from trainup.simulator.machines.servers import HOST, LAUNCH

SEND = Path(__file__).parent / "scripts" / "send.py"
REPEATS = 20
SECONDS = 2
"""Of each measurement."""
RATE = 200
"""Requests per second during a swap."""
_ALONE, _OURS = "amlserver.run()", ENTRY.name
"""Words in the command lines of both servers."""


def run(folder: Path) -> list[Row]:
    """The example of a served model, which is scikit-learn's on an image of 64 pixels."""
    copy = Copy(REPOSITORY / "examples" / "served-model", folder / "copy", toolchain_environment())
    copy.trainup("up", "--yes")
    try:
        return [*_beside_the_bare_server(copy), _swap(copy)]
    finally:
        copy.trainup("destroy", "--yes")


def _beside_the_bare_server(copy: Copy) -> list[Row]:
    with _bare_server(copy) as bare:
        contestants = [_Contestant(bare, _ALONE), _Contestant(_url(copy), _OURS)]
        for one in contestants:
            _sent(copy, one.url, "--seconds", "1")  # the first requests import and compile
        for number in range(REPEATS):  # in turn, and each as often first: a slow moment of the machine hits both
            for one in contestants if number % 2 else contestants[::-1]:
                one.measure(copy)
    name = "endpoint: digits by scikit-learn, 4 connections"
    least, ours = [one.rows(name) for one in contestants]
    promises: list[dict[str, Any]] = [{"at_least": 0.95}, {"at_most": 1.05}, {"at_most": 1.05}]
    compared = [replace(mine, **one).compared(floor) for mine, floor, one in zip(ours, least, promises, strict=True)]
    return [*least, *compared]


class _Contestant:
    """A server, and what was measured of it."""

    def __init__(self, url: str, word: str) -> None:
        self.url, self._word = url, word
        self._processes = [one for one in psutil.process_iter() if word in _command(one)]
        assert self._processes, word
        self._rates: list[float] = []
        self._computed: list[float] = []
        self._milliseconds: list[float] = []

    def measure(self, copy: Copy) -> None:
        """Send requests for a while."""
        before = self._processor_seconds()
        result = _sent(copy, self.url, "--seconds", str(SECONDS))
        assert not result["failed"], result["failed"][:3]
        requests = len(result["milliseconds"])
        self._rates.append(requests / result["seconds"])
        self._computed.append((self._processor_seconds() - before) / requests * 1000)
        self._milliseconds += result["milliseconds"]

    def rows(self, name: str) -> list[Row]:
        """Requests per second, the time below which 99 of 100 are answered, and the processor's time of each."""
        who = "LocalEndpoint" if self._word == _OURS else "the bare server"
        return [
            row(name, f"{who}, requests", self._rates, "1/s"),
            Row(name, f"{who}, p99", _p99(self._milliseconds), "ms"),
            row(name, f"{who}, processor per request", self._computed, "ms"),
        ]

    def _processor_seconds(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self._processes)


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _swap(copy: Copy) -> Row:
    """What becomes of requests at a rate while another deployment takes over."""
    before = copy.output()["endpoints"]["digits"]
    script = copy.folder / "scoring" / "score.py"
    script.write_text(script.read_text() + "\n")
    words = [sys.executable, str(SEND), before["url"], str(_body(copy)), "--rate", str(RATE)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        try:
            copy.trainup("up", "--yes")
        finally:
            told, _ = sender.communicate()
    result = json.loads(told)
    assert copy.output()["endpoints"]["digits"]["deployment"] != before["deployment"]
    took = sorted(result["milliseconds"])
    sent = f"{len(took)} sent in {result['seconds']:.0f} s, p99 {_p99(took):.0f} ms, the longest {took[-1]:.0f} ms"
    note = f"{sent}; {result['failed'][0]}" if result["failed"] else sent
    failed = float(len(result["failed"]))
    return Row(f"endpoint: a swap under {RATE} requests per second", "failed", failed, "requests", at_most=0, note=note)


@contextlib.contextmanager
def _bare_server(copy: Copy) -> Iterator[str]:
    """The address of the server with the example's script, without anything of trainup."""
    live = _live(copy)
    definition = read_json(live.definition)
    assert definition, live
    python, port = Path(definition["command"][0]), free_port()
    words = ["--entry_script", str(live.code / "score.py"), "--model_dir", str(live.model), "--port", str(port)]
    variables = {
        **os.environ,
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "AML_APP_ROOT": str(live.code),
        "PYTHONUNBUFFERED": "1",  # as trainup has it
    }
    with (copy.folder / "bare.log").open("w") as log:
        server = subprocess.Popen([python, "-c", LAUNCH, *words], env=variables, cwd=live.code, stdout=log, stderr=log)
    try:
        until(lambda: _answers(port), seconds=60)
        yield f"http://{HOST}:{port}/score"
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    return False


def _live(copy: Copy) -> DeploymentFolder:
    endpoint = EndpointFolder(copy.folder / ".trainup" / "local" / "endpoints" / "digits")
    name = endpoint.live()
    assert name, endpoint
    return endpoint.deployment(name)


def _body(copy: Copy) -> Path:
    return copy.folder / "scoring" / "samples" / "three.json"


def _sent(copy: Copy, url: str, *words: str) -> dict[str, Any]:
    """What `scripts/send.py` says, a process of its own."""
    command = [sys.executable, str(SEND), url, str(_body(copy)), *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def _url(copy: Copy) -> str:
    return str(copy.output()["endpoints"]["digits"]["url"])


def _p99(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=100)[-1]
