"""A tracking server that is there at once, in the place of MLflow's own program, which takes long to build."""

import sys

from trainup.jobs.local import mlflow_server
from trainup.jobs.local.workspace import Workspace

IMAGE = "venv@sha256:" + "0" * 64
ANSWERS = f"""\
#!{sys.executable}
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""
NEVER_ANSWERS = "#!/bin/sh\nexec sleep 1000\n"


def configure(workspace: Workspace, program: str = ANSWERS) -> None:
    """Give the workspace such a server, which is not started yet."""
    workspace.create()
    python = workspace.environments / ("0" * 24) / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(program)
    python.chmod(0o755)
    mlflow_server.configure(workspace, IMAGE)
