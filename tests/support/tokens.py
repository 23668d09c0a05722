"""The address at which GitHub gives a job its tokens."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

BEARER, TOKEN = "bearer", "header.claims.signature"


@contextmanager
def tokens(failures: int = 0) -> Iterator[dict[str, str]]:
    """The variables that lead a job there; the first requests may fail."""
    left = [failures]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_for_azure = "audience=api://AzureADTokenExchange" in unquote(self.path)
            is_known = is_for_azure and self.headers["Authorization"] == f"Bearer {BEARER}"
            status = 503 if left[0] > 0 else 200 if is_known else 401
            left[0] -= 1
            body = json.dumps({"value": TOKEN}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}/token?of=job"
            yield {"ACTIONS_ID_TOKEN_REQUEST_URL": address, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER}
        finally:
            server.shutdown()
            thread.join()
