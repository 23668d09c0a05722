"""uv, brought from PyPI to a machine that has none."""

import hashlib
import http.server
import io
import json
import platform
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainup.toolchain import uv
from trainup.toolchain.paths import SetupError


def wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("uv-0.99.0.data/scripts/uv", "#!/bin/sh\necho uv 0.99.0\n")
    return content.getvalue()


WHEEL = wheel()


class PyPI(http.server.BaseHTTPRequestHandler):
    is_mirror = False
    """Mirrors give addresses that are relative to the listing's."""

    def do_GET(self) -> None:
        name = f"uv-0.99.0-py3-none-manylinux_2_17_{platform.machine()}.musllinux_1_1_{platform.machine()}.whl"
        address = f"../../files/{name}" if self.is_mirror else f"http://{self.headers['Host']}/files/{name}"
        listing = {"urls": [{"filename": name, "url": address, "digests": {"sha256": "0" * 64}}]}
        self.send_response(404 if self.path.endswith(".whl") and not self.path.startswith("/files/") else 200)
        self.end_headers()
        self.wfile.write(WHEEL if self.path.endswith(".whl") else json.dumps(listing).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """No uv on PATH, no pip, and an index of our own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PyPI)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(uv, "PYPI", f"http://127.0.0.1:{server.server_port}/pypi/{{version}}/json")
    monkeypatch.setattr(uv, "locked", lambda package: ("0.99.0", frozenset({hashlib.sha256(WHEEL).hexdigest()})))
    monkeypatch.setattr(uv, "TOOLCHAIN", tmp_path)
    monkeypatch.setattr(uv, "UV_BIN", tmp_path / "uv")
    monkeypatch.setattr(uv, "_by_pip", lambda folder: None)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    yield tmp_path
    server.shutdown()
    server.server_close()


def test_uv_is_downloaded_once_and_leaves_nothing_else(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert uv.find() is None
    assert uv.ensure() == bare_machine / "uv" / "uv"
    assert [file.name for file in bare_machine.iterdir()] == ["uv"]
    monkeypatch.setattr(uv, "PYPI", "http://127.0.0.1:1/gone")
    assert uv.ensure() == bare_machine / "uv" / "uv"


def test_a_mirror_may_give_relative_addresses(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PyPI, "is_mirror", True)
    assert uv.ensure() == bare_machine / "uv" / "uv"


def test_an_environment_without_its_python_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").write_text('#!/bin/sh\ntest ! -e "$PWD/.venv"\n')
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.setattr(uv, "CHECKOUT", tmp_path)
    monkeypatch.setattr(uv, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(uv, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / ".venv" / "lib").mkdir(parents=True)
    uv.sync(tmp_path / "tool")


def test_what_uv_says_about_a_lock_that_does_not_fit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\necho 'the lockfile needs to be updated' >&2\nexit 1\n")
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.setattr(uv, "PYTHON", Path(__file__))  # there is an environment
    with pytest.raises(SetupError, match="the lockfile needs to be updated"):
        uv.sync(tmp_path / "tool")


def test_a_download_with_another_hash_is_refused_whatever_the_index_lists(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uv, "locked", lambda package: ("0.99.0", frozenset({"0" * 64})))
    with pytest.raises(SetupError, match=r"came with another hash than .*uv.txt has for uv 0.99.0, so it is not used"):
        uv.ensure()
    assert list(bare_machine.iterdir()) == []


def test_only_the_locked_version_is_asked_for(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answer = PyPI.do_GET
    monkeypatch.setattr(PyPI, "do_GET", lambda handler: (asked.append(handler.path), answer(handler)))
    uv.ensure()
    assert asked[0] == "/pypi/0.99.0/json"


def test_an_unreachable_index_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv, "PYPI", "http://127.0.0.1:1/json")
    with pytest.raises(SetupError, match=r"could not be downloaded .* install uv yourself"):
        uv.ensure()
