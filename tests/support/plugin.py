"""The provider plugin as a real process, driven over gRPC by a stand-in for the engine."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from trainup.core import wire

STACK = "urn:pulumi:test::trainup::"


class Engine(engine_pb2_grpc.EngineServicer):
    """Collects what the plugin logs."""

    def __init__(self) -> None:
        self.logged: list[engine_pb2.LogRequest] = []
        self._changed = threading.Condition()

    def Log(self, request: Any, context: Any) -> Any:
        with self._changed:
            self.logged.append(request)
            self._changed.notify_all()
        return empty_pb2.Empty()

    def lines(self) -> list[str]:
        """Every line logged so far."""
        with self._changed:
            return [line for request in self.logged for line in request.message.splitlines()]

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until a line with this text was logged."""
        with self._changed:
            seen = lambda: any(text in request.message for request in self.logged)  # noqa: E731
            assert self._changed.wait_for(seen, seconds), f"{text!r} was not logged; there is {self.logged}"


class Failed(Exception):
    """A call ended in an error; a partial one carries `id`, `outputs` and `reasons`."""

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(error.details())
        self.code, self.id, self.outputs, self.reasons, self.refresh = error.code(), "", {}, [], False
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                status = status_pb2.Status.FromString(value)
                detail = provider_pb2.ErrorResourceInitFailed()
                status.details[0].Unpack(detail)
                self.id, self.reasons, self.refresh = detail.id, list(detail.reasons), detail.refresh_before_update
                self.outputs = wire.decode(detail.properties)


@dataclass
class Resource:
    """What an engine would keep of a resource."""

    urn: str
    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


class Plugin:
    """The calls an engine makes, in plain values."""

    def __init__(self, process: "subprocess.Popen[bytes]", stub: Any, engine: Engine) -> None:
        self.process, self.stub, self.engine = process, stub, engine

    def check(
        self, urn: str, inputs: dict[str, Any], before: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """(checked inputs, property → reason); `before` are the checked inputs that were deployed."""
        olds = None if before is None else wire.encode(before)
        answer = self._do("Check", provider_pb2.CheckRequest(urn=urn, news=wire.encode(inputs), olds=olds))
        return wire.decode(answer.inputs), {item.property: item.reason for item in answer.failures}

    def diff(self, old: Resource, inputs: dict[str, Any]) -> Any:
        """The DiffResponse for checked inputs."""
        return self._do(
            "Diff",
            provider_pb2.DiffRequest(
                id=old.id,
                urn=old.urn,
                olds=wire.encode(old.outputs),
                old_inputs=wire.encode(old.inputs),
                news=wire.encode(inputs),
            ),
        )

    def plan(self, urn: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs of a create in a preview."""
        request = provider_pb2.CreateRequest(urn=urn, properties=wire.encode(inputs), preview=True)
        return wire.decode(self._do("Create", request).properties)

    def create(self, urn: str, inputs: dict[str, Any]) -> Resource:
        """Create from inputs that have been checked."""
        answer = self._do("Create", provider_pb2.CreateRequest(urn=urn, properties=wire.encode(inputs)))
        return Resource(urn, answer.id, inputs, wire.decode(answer.properties))

    def update(self, old: Resource, inputs: dict[str, Any]) -> Resource:
        """Update in place to checked inputs."""
        request = provider_pb2.UpdateRequest(
            id=old.id,
            urn=old.urn,
            olds=wire.encode(old.outputs),
            old_inputs=wire.encode(old.inputs),
            news=wire.encode(inputs),
        )
        return Resource(old.urn, old.id, inputs, wire.decode(self._do("Update", request).properties))

    def read(self, old: Resource) -> Resource | None:
        """Refresh; None when it is gone."""
        request = provider_pb2.ReadRequest(
            id=old.id, urn=old.urn, properties=wire.encode(old.outputs), inputs=wire.encode(old.inputs)
        )
        answer = self._do("Read", request)
        if not answer.id:
            return None
        return Resource(old.urn, answer.id, wire.decode(answer.inputs), wire.decode(answer.properties))

    def delete(self, old: Resource) -> None:
        """Delete."""
        request = provider_pb2.DeleteRequest(
            id=old.id, urn=old.urn, properties=wire.encode(old.outputs), old_inputs=wire.encode(old.inputs)
        )
        self._do("Delete", request)

    def cancel(self) -> None:
        """What the CLI does on Ctrl-C."""
        self.stub.Cancel(empty_pb2.Empty(), timeout=30)

    def _do(self, call: str, request: Any) -> Any:
        try:
            return getattr(self.stub, call)(request, timeout=300)
        except grpc.RpcError as error:
            raise Failed(error) from error


def urn(kind: str, name: str) -> str:
    """The URN of a resource of the test's stack."""
    return f"{STACK}trainup:index:{kind}::{name}"


@contextmanager
def plugin(project: Path, environment: Mapping[str, str] | None = None) -> Iterator[Plugin]:
    """A plugin that works for the project in a folder, which gets a Pulumi.yaml if it has none."""
    project.mkdir(exist_ok=True)
    (project / "Pulumi.yaml").touch()
    engine = Engine()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    process = subprocess.Popen(
        [sys.executable, "-m", "trainup.provider", f"127.0.0.1:{port}"],
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert process.stdin
    assert process.stdout
    try:
        address = f"127.0.0.1:{int(process.stdout.readline())}"
        # As large as the engine's: a failure is told in the metadata of an answer.
        options = [("grpc.max_metadata_size", 2**30)]
        with grpc.insecure_channel(address, [*wire.CHANNEL, *options]) as channel:
            yield Plugin(process, provider_pb2_grpc.ResourceProviderStub(channel), engine)
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()
        server.stop(None)
