"""A model behind an address of this machine, beside the same script under the bare server; and a swap under load."""

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import Row, row
from tests.support.copies import Copy
from tests.support.project import REPOSITORY, toolchain_environment
from tests.support.waiting import until
from trainup.jobs.local.files import read_json
from trainup.jobs.local.mlflow_server import free_port
from trainup.jobs.local.serving.folder import DeploymentFolder, EndpointFolder
from trainup.simulator.machines.servers import HOST, LAUNCH

SEND = Path(__file__).parent / "scripts" / "send.py"
REPEATS = 7
SECONDS = 5
"""Of each measurement."""
RATE = 200
"""Requests per second during a swap."""


def run(folder: Path) -> list[Row]:
    """The example of a served model, which is scikit-learn's on an image of 64 pixels."""
    copy = Copy(REPOSITORY / "examples" / "served-model", folder / "copy", toolchain_environment())
    copy.trainup("up", "--yes")
    try:
        return [*_beside_the_bare_server(copy), _swap(copy)]
    finally:
        copy.trainup("destroy", "--yes")


def _beside_the_bare_server(copy: Copy) -> list[Row]:
    url = str(copy.output()["endpoints"]["digits"]["url"])
    rates: tuple[list[float], ...] = ([], [])
    tails: tuple[list[float], ...] = ([], [])
    with _bare_server(copy) as bare:
        for address in (bare, url):
            _sent(copy, address, "--seconds", "1")  # the first requests import and compile
        for _ in range(REPEATS):  # in turn, so that a slow minute of the machine hits both
            for address, own_rates, own_tails in zip((bare, url), rates, tails, strict=True):
                result = _sent(copy, address, "--seconds", str(SECONDS))
                assert not result["failed"], result["failed"][:3]
                own_rates.append(len(result["milliseconds"]) / result["seconds"])
                own_tails.append(_p99(result["milliseconds"]))
    name = "endpoint: digits by scikit-learn, 4 connections"
    floor = row(name, "the bare server, requests", rates[0], "1/s")
    slow = row(name, "the bare server, p99", tails[0], "ms")
    return [
        floor,
        row(name, "LocalEndpoint, requests", rates[1], "1/s", at_least=0.95).compared(floor),
        slow,
        row(name, "LocalEndpoint, p99", tails[1], "ms", at_most=1.05).compared(slow),
    ]


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


def _p99(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=100)[-1]
