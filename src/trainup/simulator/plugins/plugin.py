"""What every provider that the engine attaches to has in common, and serving several of them."""

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
"""Made as calls come."""


class Partial(Exception):
    """The resource exists, yet what was asked failed: the engine keeps it and calls it failed."""

    def __init__(self, resource_id: str, outputs: Properties, inputs: Properties, reason: str) -> None:
        super().__init__(reason)
        self.id, self.outputs, self.inputs = resource_id, outputs, inputs


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """The calls that do not depend on the kind of resource."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._engine: Any = None

    def Handshake(self, request: Any, context: Any) -> Any:
        # Without accept_secrets here, nested secrets would arrive in clear.
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(request.address))
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
        """A line on the resource's row."""
        severity = engine_pb2.WARNING if warning else engine_pb2.INFO
        if self._engine is not None:
            self._engine.Log(engine_pb2.LogRequest(severity=severity, urn=urn, message=text))


def token(urn: str) -> str:
    """The type in a URN."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def abort(context: Any, error: Exception) -> None:
    """End a call with an error the user reads."""
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
def serve(plugins: Mapping[str, StandIn]) -> Iterator[dict[str, str]]:
    """Serve plugins by name; gives the variables that make an engine attach to them and to nothing else."""
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
