"""Components for programs in other languages: their schema, and the process that makes them (`components/host.py`)."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

import trainup
from trainup.core import wire
from trainup.provider.handler import ResourceError

SCHEMA = Path(trainup.__path__[0], "components", "schema.json")
MODULE = "trainup.components.host"


class ComponentHost:
    """Starts one process for each engine, with the first component that the engine constructs."""

    def __init__(self) -> None:
        self._stubs: dict[str, Any] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def construct(self, request: Any, engine_address: str) -> Any:
        """Construct a component. Raises ResourceError if the process does not start, or the process's grpc.RpcError."""
        with self._lock:
            if engine_address not in self._stubs:
                self._stubs[engine_address] = self._start(engine_address)
        return self._stubs[engine_address].Construct(request)

    def _start(self, engine_address: str) -> Any:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", MODULE, engine_address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        if not port.isdecimal():
            raise ResourceError(f"the process that makes components ended with exit code {process.wait()}")
        self._processes.append(process)  # it ends when its standard input closes: with this process
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", wire.CHANNEL)
        return provider_pb2_grpc.ResourceProviderStub(channel)
