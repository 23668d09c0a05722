"""The HTTPS listener: it has a thread for each connection, applies faults, and records each request in the journal."""

import json
import shutil
import socket
import ssl
import struct
import threading
import traceback
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.endpoints import Endpoints
from trainup.simulator.cloud.faults import Cut, Fault
from trainup.simulator.cloud.journal import Entry
from trainup.simulator.cloud.refusal import Refused, unavailable
from trainup.simulator.rest import certificates, faces
from trainup.simulator.rest.routing import Request, Response, Router, Section, parse_target

HOST = "127.0.0.1"
NAME = "localhost"
IDLE_SECONDS = 60
"""Timeout after which an idle connection is closed, so that no thread outlives its client for long."""


class _Cut(Exception):
    """Reset the connection now."""


class _Content(NamedTuple):
    """Content type and body of a response."""

    kind: str
    file: BinaryIO
    """The body, positioned at its first byte."""
    size: int


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Connections are reset when the listener stops, so it need not wait for an idle client.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, azure: Azure, files: certificates.Certificates, name: str) -> None:
        self.azure, self.name = azure, name
        self.router = Router(faces.ROUTES)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.server)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The TLS handshake happens in the connection's own thread, so that a slow client delays nobody else.
        request.settimeout(IDLE_SECONDS)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            secured = self._context.wrap_socket(request, server_side=True)
        except (OSError, ValueError):
            return
        with self._lock:
            self._open.add(secured)
        try:
            super().finish_request(secured, client_address)
        finally:
            with self._lock:
                self._open.discard(secured)
            secured.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connections that break as they begin or end."""

    def stop(self) -> None:
        """Close the listener and every connection."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    # The default error page of the base class is HTML.
    error_message_format = '{"error": {"code": "BadRequest", "message": "%(message)s"}}'
    error_content_type = "application/json"

    def handle_one_request(self) -> None:
        """Like the base class, but for any method."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._answer()
            self.wfile.flush()
        except Exception as error:
            if not isinstance(error, _Cut | OSError):  # these occur when a client is killed
                self.server.azure.failures.append(traceback.format_exc())
            self.close_connection = True
            _reset(self.connection)

    def _answer(self) -> None:
        azure = self.server.azure
        path, query = parse_target(self.path)
        index = azure.journal.arrive()
        status = sent = 0
        try:
            body = self._body()
            azure.clock.wait(azure.latency.request)
            fault = azure.faults.take_request(self.command, unquote(path))
            if fault and fault.cut is Cut.BEFORE:
                raise _Cut
            response, content = self._respond(fault, Request(self.command, path, query, _lower(self.headers), body))
            if fault and fault.cut is Cut.AFTER:
                content.file.close()
                raise _Cut
            half = bool(fault and fault.cut is Cut.MIDDLE)
            if self.command != "HEAD":
                sent = content.size // 2 if half else content.size
            status = response.status
        finally:
            # Record the request before the response is sent, so that its client finds it in the journal.
            azure.journal.add(Entry(index, self.command, path, query, status, sent))
        with content.file:
            self._send(response, content, sent)
        if half:
            self.wfile.flush()
            raise _Cut

    def _respond(self, fault: Fault | None, request: Request) -> tuple[Response, _Content]:
        azure = self.server.azure
        try:
            response = self._carried_out(fault, request)
            return response, _content(response.body)
        except Refused as refused:
            challenge = {}
            if refused.status == 401:
                authority = f"{azure.endpoints.login}/{azure.tenant}"
                challenge["WWW-Authenticate"] = (
                    f'Bearer authorization_uri="{authority}", error="invalid_token", '
                    f'error_description="{refused.message}"'
                )
            response = Response(refused.status, refused.envelope(), challenge | refused.headers)
        except Exception:
            azure.failures.append(f"{request.method} {request.path}\n{traceback.format_exc()}")
            response = Response(500, unavailable().envelope())
        return response, _content(response.body)

    def _carried_out(self, fault: Fault | None, request: Request) -> Response:
        azure = self.server.azure
        if fault and fault.error:
            raise fault.error
        host = request.headers.get("host", "").partition(":")[0].lower()
        if host.endswith(f".blob.{self.server.name}"):  # as in the public cloud, the account is in the host name
            account = host.removesuffix(f".blob.{self.server.name}")
            request = _replaced(request, path=f"/{account}{request.path}")
        route, parts = self.server.router.find(request.method, request.path)
        if not route.open:
            azure.tokens.check(request.headers.get("authorization"))
        response = route.handler(azure, _replaced(request, parts=parts))
        if fault and fault.short and isinstance(response.body, Section):
            return _shortened(response, response.body)
        return response

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(_chunks(self.rfile))
        size = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(size)
        if len(data) < size:
            raise _Cut
        return data

    def _send(self, response: Response, content: _Content, size: int) -> None:
        """Send the headers and `size` bytes of the content."""
        self.send_response(response.status)
        headers = {
            "Content-Type": content.kind,
            "Content-Length": str(content.size),
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-correlation-request-id": self.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4()),
        }
        for name, value in _without_repeats(headers, response.headers):
            self.send_header(name, value)
        self.end_headers()
        _copy(content.file, self.wfile, size)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(datetime.now(UTC), usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the journal has every request."""


def _replaced(request: Request, **changes: Any) -> Request:
    return Request(**{**vars(request), **changes})


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _without_repeats(own: Mapping[str, str], others: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Both sets of headers; `others` take precedence."""
    names = {name.lower() for name in others}
    yield from ((name, value) for name, value in own.items() if name.lower() not in names)
    yield from others.items()


def _content(body: Any) -> _Content:
    if isinstance(body, Section):
        file = body.path.open("rb")
        file.seek(body.start)
        return _Content("application/octet-stream", file, body.size)
    kind, data = _encoded(body)
    return _Content(kind, BytesIO(data), len(data))


def _encoded(body: Any) -> tuple[str, bytes]:
    if body is None:
        return "application/json; charset=utf-8", b""
    if isinstance(body, bytes):
        return "application/octet-stream", body
    if isinstance(body, str):
        return "text/plain; charset=utf-8", body.encode()
    return "application/json; charset=utf-8", json.dumps(body).encode()


def _shortened(response: Response, section: Section) -> Response:
    size = max(section.size // 2, min(section.size, 1))
    headers = dict(response.headers)
    if content_range := headers.get("Content-Range"):
        total = content_range.rpartition("/")[2]
        headers["Content-Range"] = f"bytes {section.start}-{section.start + size - 1}/{total}"
    return Response(response.status, Section(section.path, section.start, size), headers)


def _chunks(file: BufferedIOBase) -> Iterator[bytes]:
    while size := int(file.readline().split(b";")[0], 16):
        yield file.read(size)
        file.readline()
    while file.readline().strip():
        pass


def _copy(source: BinaryIO, target: BufferedIOBase, size: int) -> None:
    while size and (data := source.read(min(size, 1 << 20))):
        target.write(data)
        size -= len(data)


def _reset(connection: socket.socket) -> None:
    """Close the connection so that the client sees a reset instead of a regular end."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@contextmanager
def serve(azure: Azure, folder: Path, name: str = NAME) -> Iterator[certificates.Certificates]:
    """Serve an Azure over HTTPS until the block ends, and set `azure.endpoints`. Certificates go into the folder.

    If `name` is not a host name of this machine, clients reach the server through a proxy that resolves it.
    """
    files = certificates.make(folder, name)
    server = _Server(azure, files, name)
    azure.endpoints = Endpoints.at(f"https://{name}:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="azure-https")
    thread.start()
    try:
        yield files
    finally:
        server.stop()
        thread.join()
        shutil.rmtree(folder, ignore_errors=True)
