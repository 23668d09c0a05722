"""The language host as a real process, driven over gRPC by a stand-in for the engine."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from tests.support.plugin import Engine
from tests.support.project import ROOMS
from trainup.core import wire

HOST = (sys.executable, "-P", "-u", str(ROOMS / "toolchain" / "language"))
SECONDS = 60.0


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Registers whatever it is asked to, all `together` of it at the same moment."""

    def __init__(self) -> None:
        self.registered: list[str] = []
        self.together: threading.Barrier | None = None

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "this engine is older")

    def SupportsFeature(self, request: Any, context: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def RegisterResource(self, request: Any, context: Any) -> Any:
        if self.together and request.custom:
            self.together.wait(SECONDS)
        self.registered.append(request.name)
        return resource_pb2.RegisterResourceResponse(urn=f"urn:{request.name}", id=request.name, object=request.object)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Call(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNAVAILABLE, "the monitor has shut down")

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


class Host:
    """A running host and the program in a folder, which is the `infra/` of a project."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path, engine: Engine, monitor: Monitor) -> None:
        self.process, self.folder, self.engine, self.monitor = process, folder, engine, monitor
        self.monitor_address = ""
        self._runs: list[Any] = []  # a future that is let go of cancels its call
        assert process.stdout
        self._text = [process.stdout.readline()]
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self._text[0])}", wire.CHANNEL)
        self.stub = language_pb2_grpc.LanguageRuntimeStub(self.channel)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._changed:
                self._text.append(line)
                self._changed.notify_all()

    @property
    def program(self) -> Path:
        """The program's folder."""
        return self.folder / "infra"

    @property
    def errors(self) -> list[str]:
        """What programs logged as an error."""
        return [item.message for item in self.engine.logged if item.severity == engine_pb2.ERROR]

    def info(self, **options: str) -> language_pb2.ProgramInfo:
        """Where the program lies; `options` are those of `runtime.options` in Pulumi.yaml."""
        info = language_pb2.ProgramInfo(
            root_directory=str(self.folder), program_directory=str(self.program), entry_point="."
        )
        info.options.update(options)
        return info

    def start(self, text: str | None = None, *, info: language_pb2.ProgramInfo | None = None, **fields: Any) -> Any:
        """Begin `Run`, of a program with this text if one is given; a future of its answer."""
        self.program.mkdir(exist_ok=True)
        if text is not None:
            (self.program / "__main__.py").write_text(text)
        wanted: dict[str, Any] = {"project": "tiny", "stack": "test", "organization": "us", "parallel": 4}
        wanted |= {"monitor_address": self.monitor_address, "info": info or self.info()}
        request = language_pb2.RunRequest(**wanted | fields)
        self._runs.append(self.stub.Run.future(request, timeout=SECONDS))
        return self._runs[-1]

    def run(self, text: str | None = None, **fields: Any) -> Any:
        """`Run` from start to end."""
        return self.start(text, **fields).result()

    def plugin(self, text: str, **fields: Any) -> Any:
        """`RunPlugin` of a folder with this program; a stream of its answers."""
        (self.folder / "__main__.py").write_text(text)
        folder = str(self.folder)
        info = language_pb2.ProgramInfo(root_directory=folder, program_directory=folder, entry_point=".")
        wanted: dict[str, Any] = {"pwd": folder, "kind": "resource", "args": ["127.0.0.1:9"], "info": info}
        return self.stub.RunPlugin(language_pb2.RunPluginRequest(**wanted | fields), timeout=SECONDS)

    def wait_for(self, line: str) -> None:
        """Until a program has printed this line."""
        with self._changed:
            assert self._changed.wait_for(lambda: f"{line}\n" in self._text[1:], SECONDS), self._text

    def interrupt(self) -> None:
        """What the engine does at the end: SIGINT to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def close_stdin(self) -> None:
        """What the death of the CLI does."""
        assert self.process.stdin
        self.process.stdin.close()

    def finish(self) -> str:
        """Wait for the host's end; all that was printed after the port, by programs too."""
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert not self._reader.is_alive(), "somebody still holds the host's output"
        return "".join(self._text[1:])


@contextmanager
def host(folder: Path, command: Sequence[str] = HOST) -> Iterator[Host]:
    """A host whose programs belong to the project in a folder."""
    engine, monitor = Engine(), Monitor()
    server = grpc.server(futures.ThreadPoolExecutor(100))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    process = subprocess.Popen(
        [*command, "-root=.", address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = None
    try:
        running = Host(process, folder, engine, monitor)
        running.monitor_address = address
        yield running
        running.close_stdin()
        running.finish()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if running:
            running.channel.close()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        server.stop(None)
