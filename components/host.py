"""Constructs components for programs in other languages: the process behind the plugin's `Construct`.

A Python program constructs them itself. For any other language the engine calls the plugin, which starts this process
once and forwards the calls. So the plugin itself need not load the SDKs of Pulumi and Azure. The process ends when its
standard input closes.
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
from trainup.core import suggest, wire
from trainup.core.version import VERSION

TOKEN = f"{NAME}:index:"


class Components(Provider):
    """Constructs a component by its token. Its module is imported when the first one of its kind is constructed."""

    def __init__(self) -> None:
        super().__init__(VERSION)
        self._kinds: dict[str, ComponentProvider] = {}

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Construct a component. Raises RunError for mistakes in the program, and for arguments that do not exist."""
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
    """The class of a component. Raises RunError where there is none, or where its SDK is not installed."""
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
    """Pulumi's servicer, but mistakes in the program are reported without a traceback."""

    async def Construct(self, request: Any, context: Any) -> Any:
        try:
            return await super().Construct(request, context)
        except pulumi.RunError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))


async def serve(engine_address: str) -> None:
    """Serve until standard input closes; the port is printed first."""
    # When the engine shuts down, asyncio and grpc complain about abandoned calls, which is of no use to users.
    for name in ("asyncio", "grpc._cython.cygrpc"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    server = grpc.aio.server(options=wire.MESSAGES_OF_ANY_LENGTH)
    servicer = Servicer(Components(), [], engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the plugin reads only the port
    while await asyncio.to_thread(os.read, sys.stdin.fileno(), 4096):
        pass
    os._exit(0)  # without waiting for calls whose caller is gone


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches this process too, but the plugin ends it
    asyncio.run(serve(sys.argv[1]))
