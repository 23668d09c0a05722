"""The gRPC side of the provider, once for all resource kinds.

Pulumi's SDK (3.272) offers two hosts in Python. `pulumi.provider` serves components alone. `pulumi.dynamic` keeps the
pickled provider in the state; its diff names no properties, its Cancel does nothing, and no failed create has outputs.
"""

import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from trainup.core import wire
from trainup.core.errors import TrainupError
from trainup.core.version import VERSION
from trainup.core.wording import as_typed
from trainup.provider.components import SCHEMA, ComponentHost
from trainup.provider.handler import Change, Context, Difference, Handler, InitFailed, Properties, ResourceError, State
from trainup.provider.kinds import Handlers

_DIFF_KINDS = {
    Change.UPDATE: provider_pb2.PropertyDiff.UPDATE,
    Change.REPLACE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class Host(provider_pb2_grpc.ResourceProviderServicer):
    """Translates gRPC calls for the handlers: unknown values, secrets, cancellation and errors are dealt with here."""

    def __init__(self, engine_address: str | None, project: Path) -> None:
        self._engine = _connect(engine_address)
        self._engine_address = engine_address or ""
        self._components = ComponentHost()
        self._project = project
        self._canceled = threading.Event()
        self._handlers = Handlers()

    # What the engine asks of every provider.

    def Handshake(self, request: Any, context: Any) -> Any:
        # Without accept_secrets here, nested secrets would arrive in clear and be stored in clear.
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Any) -> Any:
        # The preview's engine cancels when it ends; the engine of the update then attaches to the same process.
        self._canceled = threading.Event()
        self._engine = _connect(request.address)
        self._engine_address = request.address
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        # A project named `trainup` sends its whole configuration here, decrypted: it is accepted and never read.
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._canceled.set()
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        from trainup.provider import findings

        if request.tok != findings.TOKEN:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{request.tok!r} is no function; there is {findings.TOKEN}")

        def find() -> Any:
            arguments = wire.decode(request.args)
            _check_version(arguments.get("version"))
            result = findings.find(arguments["resources"], self._handlers.of, self._project, self._canceled)
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(wire.encode({"findings": result}))  # `return` is a keyword of Python
            return response

        return self._guarded(context, find)

    # For programs in other languages than Python.

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=SCHEMA.read_text(encoding="utf-8"))

    def Construct(self, request: Any, context: Any) -> Any:
        try:
            return self._guarded(context, lambda: self._components.construct(request, self._engine_address))
        except grpc.RpcError as error:  # passed on with all details
            context.set_trailing_metadata(error.trailing_metadata())
            context.abort(error.code(), _for_user(error.details() or ""))

    # The life of a resource.

    def Check(self, request: Any, context: Any) -> Any:
        def check(handler: Handler, call: Context) -> Any:
            call = replace(call, before=wire.decode(request.olds) if request.HasField("olds") else None)
            inputs, findings = handler.check(call, wire.decode(request.news))
            failures = [provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in findings]
            return provider_pb2.CheckResponse(inputs=wire.encode(inputs), failures=failures)

        return self._call(request, context, check)

    def Diff(self, request: Any, context: Any) -> Any:
        def diff(handler: Handler, call: Context) -> Any:
            state = State(request.id, wire.decode(request.olds))
            old, new = wire.decode(request.old_inputs), wire.decode(request.news)
            return _diff_response(handler.diff(call, state, old, new), old.keys() | new.keys())

        return self._call(request, context, diff)

    def Create(self, request: Any, context: Any) -> Any:
        inputs = wire.decode(request.properties)

        def create(handler: Handler, call: Context) -> Any:
            if request.preview:
                return provider_pb2.CreateResponse(properties=wire.encode(handler.plan(call, inputs, None)))
            state = handler.create(call, inputs)
            return provider_pb2.CreateResponse(
                id=state.id, properties=wire.encode(state.outputs), refresh_before_update=state.refresh
            )

        return self._call(request, context, create, inputs)

    def Update(self, request: Any, context: Any) -> Any:
        inputs = wire.decode(request.news)

        def update(handler: Handler, call: Context) -> Any:
            state = State(request.id, wire.decode(request.olds), wire.decode(request.old_inputs))
            if request.preview:
                return provider_pb2.UpdateResponse(properties=wire.encode(handler.plan(call, inputs, state)))
            state = handler.update(call, state, inputs)
            return provider_pb2.UpdateResponse(
                properties=wire.encode(state.outputs), refresh_before_update=state.refresh
            )

        return self._call(request, context, update, inputs)

    def Read(self, request: Any, context: Any) -> Any:
        inputs = wire.decode(request.inputs)
        if not request.properties.fields:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                "resources of trainup are not imported: declare it in the program, and `pulumi up` takes over what is "
                "there already",
            )

        def read(handler: Handler, call: Context) -> Any:
            state = handler.read(call, State(request.id, wire.decode(request.properties), inputs))
            if state is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(
                id=state.id,
                properties=wire.encode(state.outputs),
                inputs=wire.encode(state.inputs or inputs),
                refresh_before_update=state.refresh,
            )

        return self._call(request, context, read, inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        def delete(handler: Handler, call: Context) -> Any:
            handler.delete(call, State(request.id, wire.decode(request.properties), wire.decode(request.old_inputs)))
            return empty_pb2.Empty()

        return self._call(request, context, delete)

    def _call(
        self, request: Any, context: Any, action: Callable[[Handler, Context], Any], inputs: Properties | None = None
    ) -> Any:
        return self._guarded(
            context, lambda: action(self._handlers.of(_type_of(request.urn)), self._context(request.urn)), inputs
        )

    def _guarded(self, context: Any, action: Callable[[], Any], inputs: Properties | None = None) -> Any:
        try:
            return action()
        except grpc.RpcError:
            raise
        except InitFailed as failed:
            _abort_partial(context, failed, inputs or {})
        except (TrainupError, OSError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, _for_user(str(error)))
        except Exception as error:  # a bug: the trace goes to the plugin's log, a sentence to the user
            traceback.print_exc()
            message = f"trainup made a mistake here ({type(error).__name__}: {error}); please report it with this trace"
            context.abort(grpc.StatusCode.INTERNAL, _for_user(f"{message}\n{_trace(error)}"))

    def _context(self, urn: str) -> Context:
        return Context(
            urn=urn,
            project=self._project,
            canceled=self._canceled,
            info=lambda text: self._log(urn, engine_pb2.INFO, text, True),
            note=lambda text: self._log(urn, engine_pb2.INFO, text, False),
            warn=lambda text: self._log(urn, engine_pb2.WARNING, text, False),
        )

    def _log(self, urn: str, severity: Any, text: str, ephemeral: bool) -> None:
        if self._engine is None:
            return
        message = _for_user(text)
        request = engine_pb2.LogRequest(severity=severity, urn=urn, message=message, ephemeral=ephemeral)
        try:
            self._engine.Log(request)
        except grpc.RpcError:
            self._engine = None  # the CLI has ended: nobody reads messages any more


def _type_of(urn: str) -> str:
    """The type token in a URN, which has those of the parents before it."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _check_version(program: Any) -> None:
    """Raise ResourceError for a program that uses another version of trainup than this plugin."""
    if program not in (None, VERSION):
        raise ResourceError(
            f"the program uses trainup {program}, and the plugin is that of trainup {VERSION} ({sys.executable}): "
            "run `trainup up` in the environment of the program, or install the same version in both"
        )


def _connect(address: str | None) -> Any:
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, wire.CHANNEL)) if address else None


def _diff_response(difference: Difference, inputs: Set[str]) -> Any:
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if difference.changes else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=[path for path, kind in difference.changes.items() if kind is Change.REPLACE],
        diffs=list(difference.changes),
        detailedDiff={
            # A path that is not among the inputs is an output that would change.
            path: provider_pb2.PropertyDiff(kind=_DIFF_KINDS[kind], inputDiff=re.split(r"[.[]", path)[0] in inputs)
            for path, kind in difference.changes.items()
        },
        hasDetailedDiff=True,
        deleteBeforeReplace=difference.delete_first,
    )


def _abort_partial(context: Any, failed: InitFailed, inputs: Properties) -> None:
    """End the call so that the engine keeps id and outputs and marks the resource as failed."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=failed.id,
        properties=wire.encode(failed.outputs),
        inputs=wire.encode(inputs),
        reasons=[_for_user(reason) for reason in failed.reasons],
        refresh_before_update=failed.refresh,
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=_for_user(str(failed)))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, _for_user(str(failed)))


def _for_user(text: str) -> str:
    """The message with commands as the user types them, and without lone surrogates, which gRPC would refuse."""
    return wire.sendable(as_typed(text, os.environ))


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
