"""A proxy on this machine, as companies have them: the way to hosts that nobody else knows."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

PIECE = 1 << 16


@dataclass
class Proxy:
    """What it was asked for."""

    address: str
    asked: list[str] = field(default_factory=list)
    """`host:port` of every tunnel."""

    def variables(self, *names: str) -> dict[str, str]:
        """What leads clients here."""
        return dict.fromkeys(names or ("HTTPS_PROXY", "https_proxy"), self.address)


@contextmanager
def proxy(hosts: Mapping[str, str]) -> Iterator[Proxy]:
    """Tunnels (CONNECT) to hosts by the addresses given for their names; any other host is refused."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            found.asked.append(self.path)
            name, _, port = self.path.rpartition(":")
            if name not in hosts:
                return self.send_error(502, f"{name} is not known here")
            with socket.create_connection((hosts[name], int(port))) as there:
                self.send_response(200)
                self.end_headers()
                _join(self.connection, there)

        def log_message(self, format: str, *args: object) -> None:
            """What was asked for is kept instead."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        found = Proxy(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _join(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either end has had enough."""
    to = {one: other, other: one}
    try:
        while True:
            for ready in select.select(list(to), [], [])[0]:
                data = ready.recv(PIECE)
                if not data:
                    return
                to[ready].sendall(data)
    except OSError:
        return
