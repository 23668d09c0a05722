"""Simulates the azure-native provider, with its naming, defaults, diff and existence check."""

import random
import uuid
from collections.abc import Callable
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from trainup.core import wire
from trainup.core.values import UNKNOWN, Secret, has_secret, has_unknown, reveal
from trainup.simulator.cloud import shape
from trainup.simulator.cloud.address import parse
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.plugins import bodies, functions
from trainup.simulator.plugins.catalog import KINDS, Kind, Naming, find
from trainup.simulator.plugins.differences import Diff, differences
from trainup.simulator.plugins.plugin import Partial, Properties, SimulatedProvider, abort, token

VERSION = "3.29.0"
"""Version of the SDK; the engine warns about an older one."""

_AUTONAMING = provider_pb2.CheckRequest.AutonamingOptions


class AzureNative(SimulatedProvider):
    """Serves the engine's calls for `azure-native`."""

    def __init__(self, azure: Azure) -> None:
        super().__init__(VERSION)
        self._azure = azure
        self._location: str | None = None

    def Configure(self, request: Any, context: Any) -> Any:
        self._location = request.variables.get("azure-native:config:location") or self._location
        subscription = request.variables.get("azure-native:config:subscriptionId")
        self._azure.subscription = subscription or self._azure.subscription
        return super().Configure(request, context)

    def Check(self, request: Any, context: Any) -> Any:
        return self._call(context, lambda: self._check(request))

    def Diff(self, request: Any, context: Any) -> Any:
        def diff() -> Any:
            kind, _ = _kind(request.urn)
            old, new = wire.decode(request.old_inputs), wire.decode(request.news)
            return _diff_response(differences(kind, old, new), old)

        return self._call(context, diff)

    def Create(self, request: Any, context: Any) -> Any:
        return self._call(context, lambda: self._create(request))

    def Update(self, request: Any, context: Any) -> Any:
        return self._call(context, lambda: self._update(request))

    def Read(self, request: Any, context: Any) -> Any:
        return self._call(context, lambda: self._read(request))

    def Delete(self, request: Any, context: Any) -> Any:
        def delete() -> Any:
            self._azure.may.check("DELETE", parse(request.id), self._azure.deployer)
            self._azure.delete(request.id)  # it has no way to send underlyingResourceAction
            return empty_pb2.Empty()

        return self._call(context, delete)

    def Invoke(self, request: Any, context: Any) -> Any:
        def invoke() -> Any:
            answer = functions.invoke(self._azure, request.tok, reveal(wire.decode(request.args)))
            return provider_pb2.InvokeResponse(**{"return": wire.encode(answer)})  # type: ignore[arg-type]

        return self._call(context, invoke)

    def _call(self, context: Any, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except (Refused, Partial, ValueError) as error:
            return abort(context, error)

    def _check(self, request: Any) -> Any:
        kind, version = _kind(request.urn)
        olds = wire.decode(request.olds)
        news = {key: value for key, value in wire.decode(request.news).items() if value is not None}
        if kind.named not in news:
            name, at_random = _default_name(kind, request, olds)
            if name is not None:
                news[kind.named] = name
                if at_random:
                    news["__createBeforeDelete"] = True
        if kind.located and "location" not in news and (location := self._default_location(kind, olds, news)):
            news["location"] = location
        news.setdefault("azureApiVersion", version)
        missing = [
            name for name in (*kind.placed, *(["location"] if _needs_location(kind) else [])) if name not in news
        ]
        failures = [provider_pb2.CheckFailure(reason=f"missing required property '{name}'") for name in missing]
        return provider_pb2.CheckResponse(inputs=wire.encode(news), failures=failures)

    def _default_location(self, kind: Kind, olds: Properties, news: Properties) -> Any:
        if "location" in olds:
            return olds["location"]
        group = news.get("resourceGroupName")
        if self._location or group is None or kind.type.endswith("/resourceGroups"):
            return self._location
        if has_unknown(group):
            return UNKNOWN
        resource = self._azure.find(f"{self._azure.root}/resourceGroups/{reveal(group)}")
        return resource and resource["location"]

    def _id(self, kind: Kind, inputs: Properties) -> str:
        path = kind.path.format(**{name: str(reveal(inputs[name])).strip("/") for name in kind.placed})
        return f"/{path}" if "{scope}" in kind.path else f"{self._azure.root}/{path}"

    def _create(self, request: Any) -> Any:
        kind, version = _kind(request.urn)
        inputs = wire.decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=wire.encode(_planned(kind, inputs)))
        resource_id = self._id(kind, inputs)
        if self._exists(resource_id):
            raise ValueError(f"cannot create already existing resource {resource_id!r}")
        made_id, outputs = self._put(kind, version, resource_id, inputs, creating=True)
        return provider_pb2.CreateResponse(id=made_id, properties=wire.encode(outputs))

    def _update(self, request: Any) -> Any:
        kind, version = _kind(request.urn)
        inputs, olds = wire.decode(request.news), wire.decode(request.olds)
        if request.preview:
            planned = _planned(kind, inputs) | {key: olds[key] for key in ("name", "location") if key in olds}
            return provider_pb2.UpdateResponse(properties=wire.encode(planned))
        _, outputs = self._put(kind, version, request.id, inputs, creating=False)
        return provider_pb2.UpdateResponse(properties=wire.encode(outputs))

    def _put(
        self, kind: Kind, version: str, resource_id: str, inputs: Properties, *, creating: bool
    ) -> tuple[str, Properties]:
        body = bodies.request(kind, inputs, creating=creating)
        self._azure.may.check("PUT", parse(resource_id), self._azure.deployer, reveal(body))
        try:
            answer = self._azure.settled(self._azure.put(resource_id, version, body)["id"])
        except Refused as error:
            left = self._azure.find(resource_id)
            # It records a resource whose creation failed after the PUT was accepted. A PUT that was refused with a
            # status from 400 leaves nothing in the state, even if the service keeps the resource.
            if creating and left and not error.is_left:
                outputs = _outputs(kind, self._azure.get(resource_id), version, inputs)
                raise Partial(left["id"], outputs, inputs, str(error)) from error
            raise
        return str(answer["id"]), _outputs(kind, answer, version, inputs)

    def _exists(self, resource_id: str) -> bool:
        try:
            self._azure.get(resource_id)
        except Refused as error:
            if error.status != 404:
                raise
            return False
        return True

    def _read(self, request: Any) -> Any:
        kind, version = _kind(request.urn)
        inputs = wire.decode(request.inputs)
        try:
            answer = self._azure.get(request.id)
            self._azure.may.check("GET", parse(request.id), self._azure.deployer)
        except Refused as error:
            if error.status != 404:
                raise
            return provider_pb2.ReadResponse()
        version = str(inputs.get("azureApiVersion", version))
        outputs = _outputs(kind, answer, version, inputs)
        if inputs:
            inputs = bodies.projected(kind, bodies.outputs(kind, answer, version), inputs)
        else:
            inputs = bodies.imported(kind, answer["id"], outputs)
        return provider_pb2.ReadResponse(id=answer["id"], properties=wire.encode(outputs), inputs=wire.encode(inputs))


def _kind(urn: str) -> tuple[Kind, str]:
    match = find(token(urn))
    if match is None:
        supported = ", ".join(sorted(KINDS))
        raise ValueError(f"the simulated azure-native has no {token(urn)!r}: it has {supported}")
    return match


def _needs_location(kind: Kind) -> bool:
    return (kind.located and "location" in kind.fixed) or kind.type.endswith("/vaults")


def _default_name(kind: Kind, request: Any, olds: Properties) -> tuple[str | None, bool]:
    """The name, and whether it is random: then a replacement can be created before the old resource is deleted."""
    if kind.named in olds:
        return str(reveal(olds[kind.named])), olds.get("__createBeforeDelete") is True
    options = request.autonaming
    if options.mode == _AUTONAMING.DISABLE and request.HasField("autonaming"):
        return None, False
    if request.HasField("autonaming") and (options.mode == _AUTONAMING.ENFORCE or kind.naming is not Naming.UUID):
        return options.proposed_name, True
    name = request.urn.rsplit("::", 1)[1]
    dice = random.Random(request.randomSeed or None)
    match kind.naming:
        case Naming.COPY:
            return name, False
        case Naming.UUID:
            return str(uuid.UUID(int=dice.getrandbits(128))), True
        case Naming.RANDOM:
            return f"{name}{dice.getrandbits(32):08x}", True


def _planned(kind: Kind, inputs: Properties) -> Properties:
    """The outputs in a preview: the inputs, and an unknown value for everything that the service computes."""
    planned: Properties = {key: value for key, value in inputs.items() if key not in bodies.OWN | kind.query}
    planned = {key: value for key, value in planned.items() if key not in kind.placed}
    planned |= {"name": UNKNOWN, "type": UNKNOWN, "azureApiVersion": inputs.get("azureApiVersion")}
    for path in (*kind.computed, *(path for path in bodies.SETS if shape.get(planned, path))):
        top, _, rest = path.partition(".")
        inside = planned.get(top)
        if not rest or inside is None:
            planned.setdefault(top, UNKNOWN)
        elif isinstance(inside, dict) and (path in bodies.SETS or shape.get(inside, rest) is None):
            planned[top] = _with_unknown(inside, rest)
    return planned


def _with_unknown(value: Properties, path: str) -> Properties:
    top, _, rest = path.partition(".")
    inner = value.get(top)
    return {**value, top: _with_unknown(inner if isinstance(inner, dict) else {}, rest) if rest else UNKNOWN}


def _outputs(kind: Kind, answer: Properties, version: str, inputs: Properties) -> Properties:
    """The outputs for a resource; values of secret inputs are wrapped as secrets."""
    outputs = bodies.outputs(kind, answer, version)
    for key, value in inputs.items():
        if key in outputs and has_secret(value):
            outputs[key] = Secret(outputs[key])
    return outputs


def _diff_response(diffs: dict[str, Diff], old: Properties) -> Any:
    replaces = [path for path, diff in diffs.items() if diff.replaces]
    named_at_random = old.get("__createBeforeDelete")
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if diffs else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaces,
        diffs=sorted({path.split(".")[0].split("[")[0] for path in diffs}),
        detailedDiff={path: provider_pb2.PropertyDiff(kind=diff.kind, inputDiff=True) for path, diff in diffs.items()},
        hasDetailedDiff=bool(diffs),
        deleteBeforeReplace=bool(replaces) and named_at_random is not True,
    )
