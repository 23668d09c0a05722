"""How a node gets the values of secrets: all of them as they are, or the command does not start; nothing is printed."""

import base64
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from trainup.jobs.azure.job import body, commands

pytestmark = pytest.mark.slow

VALUES = {
    "PLAIN": "pl4nted-token",
    "QUOTES": 'it\'s "pl4nted" $(touch escaped) `id` \\ \\n !x %s',
    "LINES": "-----BEGIN-----\npl4nted\r\n\tkey\n\n-----END-----\n\n",
    "OTHER": "pl4nted-äöü-日本-🔑",
    "LONG": "pl4nted" + "x'" * 12_000,
    "EMPTY": "",
    "_under1": " pl4nted ",
}
SHOW = 'python -ISc \'import os, json; open("seen", "w").write(json.dumps(dict(os.environ)))\''
SHELLS: dict[str, dict[str, str]] = {
    "as usual": {},
    "tracing": {"SHELLOPTS": "xtrace:verbose"},
    "strict": {"SHELLOPTS": "errexit:nounset:allexport:posix"},
    "tracing by a file": {"BASH_ENV": "set -xv; trap 'echo \"$BASH_COMMAND\"' DEBUG; set -T"},
    "in another language": {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
    "Python that talks": {"PYTHONPATH": "print('export PLAIN=forged')", "PYTHONVERBOSE": "1", "PYTHONINSPECT": "1"},
}


class Vault:
    """An identity endpoint and a key vault on loopback."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        vault = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = urlsplit(self.path).path
                answer = b'{"access_token": "pl4nted-bearer"}' if name == "/token" else vault.answers.get(name)
                self.send_response(404 if answer is None else 200)
                self.end_headers()
                self.wfile.write(answer or b"{}")

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, name: str, value: object) -> str:
        self.answers[f"/{name}"] = json.dumps({"value": value}).encode()
        return f"{self.address}/{name}"


@pytest.fixture(scope="module")
def vault() -> Iterator[Vault]:
    found = Vault()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def start(vault: Vault, tmp_path: Path) -> Start:
    """Run a command as a node would, after the bootstrap."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)

    def run(addresses: dict[str, str], command: str = SHOW, **variables: str) -> "subprocess.CompletedProcess[str]":
        if "BASH_ENV" in variables:
            (tmp_path / "rc").write_text(variables["BASH_ENV"])
            variables["BASH_ENV"] = str(tmp_path / "rc")
        if "PYTHONPATH" in variables:
            (tmp_path / "sitecustomize.py").write_text(variables["PYTHONPATH"])
            variables["PYTHONPATH"] = str(tmp_path)
        environment = {
            "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
            "MSI_ENDPOINT": f"{vault.address}/token",
            "TRAINUP_SECRETS": json.dumps({"resource": "vault", "secrets": addresses}),
            "TRAINUP_BOOTSTRAP": base64.b64encode(body.BOOTSTRAP_TEXT.encode()).decode(),
            **variables,
        }
        words = [shutil.which("bash") or "bash", "-c", f"{commands.BOOTSTRAP}; {command}"]
        return subprocess.run(
            words, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    return run


@pytest.mark.parametrize("shell", SHELLS)
def test_values_arrive_as_they_are_and_no_shell_prints_them(
    vault: Vault, start: Start, tmp_path: Path, shell: str
) -> None:
    addresses = {name: vault.put(name, value) for name, value in VALUES.items()}
    done = start(addresses, **SHELLS[shell])
    assert done.returncode == 0, done.stdout
    assert "pl4nted" not in done.stdout
    seen = json.loads((tmp_path / "seen").read_text())
    assert {name: seen.get(name) for name in VALUES} == VALUES
    assert not [name for name in seen if name.startswith(("TRAINUP_", "trainup_secrets"))]
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("option", ["xtrace", "verbose"])
def test_a_shell_that_told_what_it_does_goes_on_with_it(vault: Vault, start: Start, option: str) -> None:
    done = start({"PLAIN": vault.put("PLAIN", "pl4nted")}, "set -o", SHELLOPTS=option)
    assert f"{option:<15}\ton" in done.stdout


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("my-token", b'{"value": "pl4nted"}'),
        ("A B", b'{"value": "pl4nted"}'),
        ("A\n", b'{"value": "pl4nted"}'),
        ("x; echo $TOKEN; y", b'{"value": "pl4nted"}'),
        ("SHELLOPTS", b'{"value": "pl4nted"}'),
        ("TOKEN", None),
        ("TOKEN", b"{}"),
        ("TOKEN", b'{"value": null}'),
        ("TOKEN", b'{"value": 5}'),
        ("TOKEN", b'{"value": "pl4nted\\u0000"}'),
        ("TOKEN", b'{"value": "pl4nted\\ud800"}'),
        ("TOKEN", b'"pl4nted"'),
        ("TOKEN", b"pl4nted"),
        ("TOKEN", b'{"value": "pl4nted\xff"}'),
    ],
)
def test_without_one_of_its_secrets_the_command_does_not_start(
    vault: Vault, start: Start, tmp_path: Path, name: str, answer: bytes | None
) -> None:
    vault.answers.pop("/odd", None)
    if answer is not None:
        vault.answers["/odd"] = answer
    done = start({"GOOD": vault.put("GOOD", "pl4nted"), name: f"{vault.address}/odd"})
    assert done.returncode == 126, "which is told as a failure of the environment"
    assert not (tmp_path / "seen").exists()
    assert "pl4nted" not in done.stdout
    assert "Traceback" not in done.stdout
    assert name in done.stdout


def test_an_image_without_python_does_not_start_the_command_either(vault: Vault, start: Start, tmp_path: Path) -> None:
    (tmp_path / "bin" / "python").unlink()
    done = start({"PLAIN": vault.put("PLAIN", "pl4nted")}, "echo > seen", PATH=str(tmp_path / "bin"))
    assert (done.returncode, (tmp_path / "seen").exists()) == (126, False)
