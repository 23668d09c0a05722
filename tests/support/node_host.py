"""A language host for Node.js: the official one is a Go module that no registry has, and starts what is started here.

Run as `pulumi-language-nodejs ENGINE_ADDRESS`. It runs the program with the npm package's own `cmd/run`.
"""

import json
import os
import signal
import subprocess
import sys
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

RUN = Path("node_modules", "@pulumi", "pulumi", "cmd", "run")
BAIL = 32


class NodeHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs that `tsc` has compiled."""

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="3.245.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    def Run(self, request: Any, context: Any) -> Any:
        options = {
            "organization": request.organization,
            "project": request.project,
            "root-directory": request.info.root_directory,
            "stack": request.stack,
            "parallel": str(request.parallel),
            "monitor": request.monitor_address,
            "engine": self._engine_address,
        }
        words = [f"--{name}={value}" for name, value in options.items() if value]
        words += ["--dry-run"] if request.dryRun else []
        variables = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        folder = request.info.program_directory
        code = subprocess.run(
            ["node", str(Path(folder, RUN)), *words, request.info.entry_point or "."],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        ).returncode
        if code == 0:
            return language_pb2.RunResponse()
        return language_pb2.RunResponse(bail=True) if code == BAIL else language_pb2.RunResponse(error=f"node: {code}")

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(NodeHost(sys.argv[-1]), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
