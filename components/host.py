"""Makes components for programs in other languages: the process behind the plugin's `Construct`.

A Python program makes them by itself. For any other language the engine asks the plugin, which starts this process
once and passes the calls on: Pulumi's SDK, and Azure's, are loaded where a program needs them and nowhere else.
The process ends when its standard input closes.
"""

import asyncio
import importlib
import logging
import os
import signal
import sys
from typing import Any

import grpc
import pulumi
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.provider import ConstructResult, Provider
from pulumi.provider.server import ComponentInitError, ProviderServicer
from pulumi.runtime.proto import provider_pb2_grpc

from trainup.components.schema import MODULES, NAME
from trainup.core import suggest
from trainup.core.version import VERSION

TOKEN = f"{NAME}:index:"


class Components(Provider):
    """Makes a component by its token. Its module is imported with the first one of its kind."""

    def __init__(self) -> None:
        super().__init__(VERSION)
        self._kinds: dict[str, ComponentProvider] = {}

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """As the engine asks for it. RunError for what its author can mend."""
        kind = resource_type.removeprefix(TOKEN)
        if kind not in self._kinds:
            self._kinds[kind] = ComponentProvider([component(kind)], NAME, version=VERSION)
        provider = self._kinds[kind]
        input_names = provider._component_defs[kind].inputs
        problems = [
            f"{key}: {suggest.unknown(key, input_names, 'there is no such input')}"
            for key in {*inputs} - {*input_names}
        ]
        if problems:
            raise pulumi.RunError("\n".join(f"{kind} {name}: {problem}" for problem in sorted(problems)))
        try:
            return provider.construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, (pulumi.RunError, ValueError)):
                raise pulumi.RunError(str(error.inner)) from error.inner
            raise


def component(name: str) -> type[pulumi.ComponentResource]:
    """The class of a component. RunError where there is none, or what it declares things with is not installed."""
    if name not in MODULES:
        raise pulumi.RunError(suggest.unknown(name, MODULES, f"there is no component {name}"))
    try:
        component_class: type[pulumi.ComponentResource] = getattr(importlib.import_module(MODULES[name]), name)
    except ModuleNotFoundError as error:
        raise pulumi.RunError(
            f"{name} declares resources on Azure, and {error.name} is not installed: `pip install 'trainup[azure]'`"
        ) from error
    return component_class


class Servicer(ProviderServicer):
    """Pulumi's own, but what an author can mend is told without a trace."""

    async def Construct(self, request: Any, context: Any) -> Any:
        try:
            return await super().Construct(request, context)
        except pulumi.RunError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))


async def serve(engine_address: str) -> None:
    """Serve until standard input closes; the port is printed first."""
    # An engine that shuts down leaves calls behind that nobody waits for: no news for its user.
    for name in ("asyncio", "grpc._cython.cygrpc"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
    servicer = Servicer(Components(), [], engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads on
    while await asyncio.to_thread(os.read, sys.stdin.fileno(), 4096):
        pass
    os._exit(0)  # calls that still wait have no reader any more


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us as well: the plugin decides when we end
    asyncio.run(serve(sys.argv[1]))
