"""A proxy that lets nothing through: what tries to leave this machine is refused, and known."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from trainup.core import network


@dataclass
class Trap:
    """What was caught."""

    address: str
    caught: list[str] = field(default_factory=list)
    """`host:port` or the address of every request that was meant for elsewhere."""

    @property
    def variables(self) -> dict[str, str]:
        """What leads every well-behaved client here, except to this machine itself."""
        proxies = {name: self.address for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")}
        proxies |= {name.lower(): value for name, value in proxies.items()}
        return proxies | network.direct({})  # what the user excepts from proxies would get past us


@contextmanager
def set_trap() -> Iterator[Trap]:
    """Listen on this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline and self.parse_request():
                trap.caught.append(self.path.partition("?")[0])
                self.send_error(403, "a rehearsal reaches nothing but this machine")
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """What was caught is kept instead."""

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
