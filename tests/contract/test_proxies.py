"""The world outside behind a proxy, with certificates of a company's own: names that this machine does not know."""

import base64
import hashlib
import http.server
import io
import os
import ssl
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.plugin import plugin, urn
from tests.support.proxy import Proxy, proxy
from trainup.core import network
from trainup.jobs import surroundings
from trainup.jobs.local import environments
from trainup.jobs.local.recipe import read_recipe
from trainup.jobs.local.workspace import Workspace
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import rehearsal
from trainup.simulator.rest import certificates
from trainup.toolchain import environment, uv

pytestmark = pytest.mark.slow

HOSTS = {name: "127.0.0.1" for name in ("azure.corp.test", "index.corp.test")}
AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The only way out; neither proxies nor certificates are set yet."""
    for name in [name for name in os.environ if network.VARIABLE.fullmatch(name)]:
        monkeypatch.delenv(name)
    for name in (*AUTHORITIES, "SSL_CERT_DIR", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the proxies of its first use
    with proxy(HOSTS) as made:
        yield made


@pytest.mark.parametrize("authority", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_runs_on_azure_go_through_the_proxy(
    gate: Proxy, authority: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZUREML_RUN_POLLING_INTERVAL_MIN", "0.02")
    with rehearsal(tmp_path / "rehearsal", name="azure.corp.test") as running:
        variables = {key: value for key, value in running.variables.items() if not network.VARIABLE.fullmatch(key)}
        trusted = variables["SSL_CERT_FILE"]
        variables = {key: value for key, value in variables.items() if key not in AUTHORITIES} | {authority: trusted}
        sample = furnish(running.azure)
        source = tmp_path / "project" / "code"
        source.mkdir(parents=True)
        (source / "train.py").write_text("print('trained')")
        inputs = {"run": "pets", "target": "azure", "workspace": sample.workspace, "cluster": sample.cluster}
        inputs |= {"image": "fastai2:1", "environment": sample.environment, "source": "code", "script": "train.py"}
        with plugin(source.parent, {**os.environ, **variables, **gate.variables("HTTPS_PROXY")}) as engine:
            checked, failures = engine.check(urn("Run", "pets"), inputs)
            assert failures == {}
            made = engine.create(urn("Run", "pets"), checked)
            assert made.outputs["status"] == "Completed"
            assert "trained" in engine.engine.lines()
    assert {asked.partition(":")[0] for asked in gate.asked} == {"azure.corp.test"}


def wheel(name: str, files: dict[str, str]) -> bytes:
    """A wheel of version 1.0."""
    info = f"{name}-1.0.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()  # noqa: E731
    record = "".join(f"{path},sha256={digest(text)},{len(text)}\n" for path, text in files.items())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return content.getvalue()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An index of packages behind the proxy, and whom to trust for it."""
    made = certificates.make(tmp_path / "certificates", "index.corp.test")
    content = wheel("tiny", {"tiny.py": "x = 1\n"})

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            package = self.path.endswith(".whl")
            answer = content if package else b'<a href="/tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>'
            self.send_response(200)
            self.send_header("Content-Type", "application/zip" if package else "text/html")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"https://index.corp.test:{server.server_port}", made.authority
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("proxies", [("HTTPS_PROXY",), ("https_proxy",), ("ALL_PROXY",)], ids=lambda names: names[0])
def test_an_image_of_the_local_target_is_installed_through_the_proxy(
    gate: Proxy, index: tuple[str, Path], proxies: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, authority = index
    given = {**gate.variables(*proxies), "REQUESTS_CA_BUNDLE": str(authority), "UV_DEFAULT_INDEX": f"{address}/simple"}
    for name, value in {**given, "UV_CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("UV_INDEX_URL", raising=False)
    for name, value in network.direct(os.environ).items():
        monkeypatch.setenv(name, value)  # so that they go with the test
    monkeypatch.setenv("SSL_CERT_FILE", "")
    surroundings.settle()
    (tmp_path / "requirements.txt").write_text("tiny\n")
    wanted, problems = read_recipe(tmp_path / "requirements.txt")
    assert problems == []
    built = environments.build(Workspace(tmp_path / "workspace"), wanted)
    assert list(built.glob("lib/*/site-packages/tiny.py"))
    assert {asked.partition(":")[0] for asked in gate.asked} == {"index.corp.test"}


def test_set_up_downloads_through_the_proxy(
    gate: Proxy, index: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, authority = index
    for name, value in {**gate.variables("HTTPS_PROXY"), "REQUESTS_CA_BUNDLE": str(authority)}.items():
        monkeypatch.setenv(name, value)
    for name, value in environment.surroundings().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(uv, "PYPI", f"{address}/pypi/uv/json")
    with urllib.request.urlopen(uv.PYPI, timeout=10) as answer:
        assert b"tiny" in answer.read()
    assert gate.asked == [address.removeprefix("https://")]
