"""The base of the simulated providers, and the server to which the engine attaches."""

from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from trainup.core import wire

Properties = dict[str, Any]
THREADS = 1000
"""Largest number of threads, which are started on demand."""


class Partial(Exception):
    """The operation failed although the resource exists; the engine stores the resource and reports the failure."""

    def __init__(self, resource_id: str, outputs: Properties, inputs: Properties, reason: str) -> None:
        super().__init__(reason)
        self.id, self.outputs, self.inputs = resource_id, outputs, inputs


class SimulatedProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider's methods that do not depend on the type of resource."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._engine: Any = None

    def Handshake(self, request: Any, context: Any) -> Any:
        # Without accept_secrets, the engine would send nested secrets in plain text.
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(request.address, wire.CHANNEL))
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def tell(self, urn: str, text: str, *, warning: bool = False) -> None:
        """Show a message at a resource in the CLI's display."""
        severity = engine_pb2.WARNING if warning else engine_pb2.INFO
        if self._engine is not None:
            self._engine.Log(engine_pb2.LogRequest(severity=severity, urn=urn, message=text))


def token(urn: str) -> str:
    """The type token in a URN."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def abort(context: Any, error: Exception) -> None:
    """End a call with an error that the CLI shows."""
    if isinstance(error, Partial):
        detail = provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=wire.encode(error.outputs), inputs=wire.encode(error.inputs), reasons=[str(error)]
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        status.details.add().Pack(detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _stop(server: grpc.Server) -> None:
    server.stop(None).wait()


@contextmanager
def serve(plugins: Mapping[str, SimulatedProvider]) -> Iterator[dict[str, str]]:
    """Serve plugins by name; yields the variables that make an engine attach to them and load no other plugins."""
    with ExitStack() as stack:
        ports = []
        for name, plugin in plugins.items():
            server = grpc.server(
                futures.ThreadPoolExecutor(THREADS),
                options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
            )
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
            ports.append(f"{name}:{server.add_insecure_port('127.0.0.1:0')}")
            server.start()
            stack.callback(_stop, server)
        yield {
            "PULUMI_DEBUG_PROVIDERS": ",".join(ports),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
