"""A proxy that refuses and records every request to another machine."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from trainup.core import network


@dataclass
class Trap:
    """The proxy's address and the requests that it refused."""

    address: str
    caught: list[str] = field(default_factory=list)
    """`host:port` or the URL of every refused request."""

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables with which clients use this proxy, except for requests to this machine."""
        proxies = {name: self.address for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")}
        proxies |= {name.lower(): value for name, value in proxies.items()}
        return proxies | network.direct({})  # replaces the user's NO_PROXY, whose hosts would bypass this proxy


@contextmanager
def set_trap() -> Iterator[Trap]:
    """Run the proxy until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline and self.parse_request():
                trap.caught.append(self.path.partition("?")[0])
                self.send_error(403, "a rehearsal reaches nothing but this machine")
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: `caught` has the requests."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        trap = Trap(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="trap")
        thread.start()
        try:
            yield trap
        finally:
            server.shutdown()
            thread.join()
