"""A container registry that is none of Azure's: images by tag, and one of the ways in that registries have."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
TOKEN = "token-for-"


@dataclass
class Registry:
    """What it holds, and who gets in."""

    way_in: str = "anonymous"
    """`anonymous` and `bearer` ask for a token, `basic` for the login itself, `none` for nothing."""
    login: tuple[str, str] | None = None
    """User name and password; None lets everyone have a token."""
    address: str = ""
    """`localhost:<port>`, as image references have it."""
    content: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """`<repository>/manifests/<reference>` or `…/blobs/<digest>` → type and bytes."""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    """Path → what is answered instead of everything else."""
    seen: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and `Authorization` of every request."""

    def push(self, name: str, *platforms: str, index: bool = False) -> str:
        """An image for each platform under `repository:tag`; returns the digest that the tag stands for."""
        repository, _, tag = name.partition(":")
        made = []
        for platform in platforms:
            system, architecture = platform.split("/")
            config = self._blob(repository, {"os": system, "architecture": architecture})
            manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": config}, "layers": []}
            digest = self._manifest(repository, MANIFEST, manifest)
            made.append({"digest": digest, "platform": {"os": system, "architecture": architecture}})
        if index or len(made) > 1:
            attestation = {"digest": digest, "platform": {"os": "unknown", "architecture": "unknown"}}
            content = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*made, attestation]}
            digest = self._manifest(repository, INDEX, content)
        self.content[f"{repository}/manifests/{tag}"] = self.content[f"{repository}/manifests/{digest}"]
        return digest

    def _manifest(self, repository: str, kind: str, content: dict[str, Any]) -> str:
        data = json.dumps(content).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.content[f"{repository}/manifests/{digest}"] = kind, data
        return digest

    def _blob(self, repository: str, content: dict[str, Any]) -> str:
        data = json.dumps(content).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.content[f"{repository}/blobs/{digest}"] = "application/octet-stream", data
        return digest

    def answer(self, method: str, target: str, authorization: str | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        path = urlsplit(target).path
        self.seen.append((method, path, authorization))
        if path in self.answers:
            return self.answers[path]
        if path == "/token":
            return self._token(target, authorization)
        if not self._lets_in(path, authorization):
            return 401, {"WWW-Authenticate": self._challenge(path)}, _errors("UNAUTHORIZED", "authentication required")
        if path.endswith("/tags/list"):
            start = path.removeprefix("/v2/").removesuffix("tags/list") + "manifests/"
            tags = [name.removeprefix(start) for name in self.content if name.startswith(start)]
            return 200, {}, json.dumps({"tags": sorted(tag for tag in tags if ":" not in tag)}).encode()
        found = self.content.get(path.removeprefix("/v2/"))
        if found is None:
            return 404, {}, _errors("MANIFEST_UNKNOWN", "manifest unknown")
        return 200, {"Content-Type": found[0]}, found[1]

    def _token(self, target: str, authorization: str | None) -> tuple[int, dict[str, str], bytes]:
        if self.login and authorization != _basic(*self.login):
            return 401, {}, _errors("UNAUTHORIZED", "incorrect username or password")
        scope = parse_qs(urlsplit(target).query).get("scope", [""])[0]
        return 200, {}, json.dumps({"token": TOKEN + scope}).encode()

    def _lets_in(self, path: str, authorization: str | None) -> bool:
        if self.way_in == "none" or path == "/v2/":
            return True
        if self.way_in == "basic":
            assert self.login
            return authorization == _basic(*self.login)
        return authorization == f"Bearer {TOKEN}{_scope(path)}"

    def _challenge(self, path: str) -> str:
        if self.way_in == "basic":
            return 'Basic realm="Registry"'
        return f'Bearer realm="http://{self.address}/token",service="registry",scope="{_scope(path)}"'


def _scope(path: str) -> str:
    parts = path.removeprefix("/v2/").split("/")
    return f"repository:{'/'.join(parts[:-2])}:pull"


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _errors(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


@contextmanager
def serve(registry: Registry) -> Iterator[Registry]:
    """Serve it, unencrypted on this machine, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = registry.answer("GET", self.path, self.headers.get("Authorization"))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    registry.address = f"localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
