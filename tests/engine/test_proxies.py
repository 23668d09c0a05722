"""Proxies for the world outside, while everything that trainup does happens on this machine."""

import json

import pytest

from tests.engine import scripts
from tests.support.project import Project
from trainup.core import network

pytestmark = pytest.mark.engine

NOBODY = "http://127.0.0.1:9"
"""A proxy that does not answer: whatever is sent there is lost."""
CALLS_ITSELF = """\
import http.server, json, os, pathlib, threading, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for host in ("127.0.0.1", "localhost"):
    answer = urllib.request.urlopen(f"http://{host}:{server.server_port}/", timeout=10).read()
    assert answer == b"here", answer
proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
(pathlib.Path(os.environ["TRAINUP_OUTPUT_DIR"]) / "proxies.json").write_text(json.dumps(proxies))
"""


def surround(project: Project, **proxies: str) -> None:
    """The shell of somebody who has set these, and has not gone through `make`."""
    for name in [name for name in project.environment if network.VARIABLE.fullmatch(name)]:
        del project.environment[name]
    project.environment.update(proxies)


@pytest.mark.parametrize(
    "proxies",
    [
        {"http_proxy": NOBODY},
        {"https_proxy": NOBODY, "NO_PROXY": "corp.example"},
        {"all_proxy": NOBODY, "grpc_proxy": NOBODY, "no_proxy": "*"},
        {"http_proxy": NOBODY, "no_proxy": "localhost", "no_grpc_proxy": "corp.example"},
        {"HTTP_PROXY": NOBODY, "HTTPS_PROXY": NOBODY, "ALL_PROXY": NOBODY, "NO_PROXY": "*"},
    ],
    ids=lambda proxies: "+".join(proxies),
)
def test_a_preview_needs_no_proxy(project: Project, proxies: dict[str, str]) -> None:
    project.script("print(1)")
    project.configure(runs={"tiny": {"source": "code", "script": "main.py"}})
    surround(project, **proxies)
    planned = project.preview()
    assert planned.code == 0, planned.text
    assert planned.ops() == {"tiny": "create"}


def test_a_script_reaches_this_machine_directly_and_keeps_the_proxies(project: Project) -> None:
    every = {name: NOBODY for kind in ("http", "https", "all") for name in (f"{kind}_proxy", f"{kind.upper()}_PROXY")}
    project.script(CALLS_ITSELF)
    own = {"environment_variables": {"http_proxy": "http://own.example:3128", "no_proxy": "own.example"}}
    project.configure(runs={"tiny": scripts.run_of(project), "own": scripts.run_of(project, **own)})
    surround(project, **every, grpc_proxy=NOBODY, NO_PROXY="corp.example")
    done = project.up()
    assert done.code == 0, done.text
    seen = {
        run: json.loads((project.folder / told["outputs_uri"] / "proxies.json").read_text())
        for run, told in project.output()["runs"].items()
    }
    assert seen["tiny"].items() >= every.items()
    assert seen["tiny"]["no_proxy"] == seen["tiny"]["NO_PROXY"] == "corp.example,localhost,127.0.0.1,::1"
    assert seen["own"]["http_proxy"] == "http://own.example:3128"
    assert seen["own"]["no_proxy"] == "own.example,localhost,127.0.0.1,::1"
    assert project.up("--expect-no-changes").is_empty
    assert project.destroy().code == 0
