"""Runs a piece of a program against mocks and tells what it registered."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.stack import run_pulumi_func

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
PRINCIPAL, TENANT = "11111111-1111-1111-1111-111111111111", "33333333-3333-3333-3333-333333333333"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/group"
THEIRS = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/theirs"
"""The registry of a workspace that exists."""


@dataclass
class Registered:
    """One resource as the program asked for it."""

    type: str
    name: str
    inputs: dict[str, Any]
    """Secrets are still wrapped; see `plain`."""
    parent: str
    """The parent's type and name, such as `trainup:index:Workspace ws`."""
    dependencies: list[str]
    """Names of the resources that come first."""
    protect: bool
    delete_before_replace: bool
    replace_on_changes: list[str]
    ignore_changes: list[str]
    is_read: bool = False
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def plain(self) -> dict[str, Any]:
        """The inputs with every secret shown as `<secret>`, and whole numbers as such."""
        shown: dict[str, Any] = _shown(self.inputs)
        return shown


def _told(struct: Any) -> dict[str, Any]:
    """As it goes over the wire: the SDK's own reading would wrap a whole map for one secret in it."""
    told: dict[str, Any] = json_format.MessageToDict(struct)
    return told


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return "<secret>" if rpc._special_sig_key in value else {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Mocks(mocks.Mocks):
    """Answers with the inputs, an id, and the few outputs that others take."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        assert args.token in TOLD, f"{args.token} was called: Azure is asked only about what exists"
        return TOLD[args.token]

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        kind = args.typ.rsplit(":", 1)[-1]
        identity = args.resource_id or f"{GROUP}/providers/Mock.{kind}/things/{args.name}"
        # Azure answers a map where it was given a list of identities.
        told = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {}}} if "identity" in args.inputs else {}
        return identity, {"name": args.name, **OUTPUTS.get(kind, {}), **args.inputs, **told}


OUTPUTS: dict[str, dict[str, Any]] = {
    "UserAssignedIdentity": {
        "principalId": "11111111-1111-1111-1111-111111111111",
        "tenantId": "33333333-3333-3333-3333-333333333333",
    },
    "Workspace": {
        "mlFlowTrackingUri": "azureml://tracking",
        "storageAccount": f"{GROUP}/storage",
    },
    "Registry": {"loginServer": "images.azurecr.io"},
    "Image": {"reference": "images.azurecr.io/fastai2@sha256:" + "a" * 64, "repoDigest": "r/i@sha256:" + "b" * 64},
}


TOLD: dict[str, dict[str, Any]] = {
    "azure-native:machinelearningservices:getWorkspace": {"containerRegistry": THEIRS},
    "azure-native:machinelearningservices:getCompute": {
        "identity": {"type": "SystemAssigned", "principalId": "the cluster's"}
    },
}
"""What Azure tells about what exists."""


class _Monitor(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_Mocks())
        self.found: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:
        if request.type != "pulumi:pulumi:Stack":
            self.found.append(_registered(request))
        return super().RegisterResource(request)

    def ReadResource(self, request: Any) -> Any:
        self.found.append(
            Registered(request.type, request.name, {"id": request.id}, _short(request.parent), [], False, False, [], [])
        )
        self.found[-1].is_read = True
        return super().ReadResource(request)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        outputs = _shown(_told(request.outputs))
        for one in self.found:
            if _short(request.urn) == f"{one.type} {one.name}":
                one.outputs = outputs
        return super().RegisterResourceOutputs(request)


def _registered(request: Any) -> Registered:
    return Registered(
        type=request.type,
        name=request.name,
        inputs=_told(request.object),
        parent=_short(request.parent),
        dependencies=sorted({_short(urn).split(" ")[1] for urn in request.dependencies}),
        protect=request.protect,
        delete_before_replace=request.deleteBeforeReplace,
        replace_on_changes=list(request.replaceOnChanges),
        ignore_changes=list(request.ignoreChanges),
    )


def _short(urn: str) -> str:
    if not urn:
        return ""
    _, _, kinds, name = urn.rsplit("::", 3)
    return f"{kinds.split('$')[-1]} {name}"


def record(program: Callable[[], Any], stack: str = "dev", root: Path | None = None) -> list[Registered]:
    """What `program` registers, in order. Errors of the program are raised."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.SETTINGS.rpc_manager.clear()
    settings.SETTINGS.outputs.clear()
    settings.set_root_resource(None)  # that of an earlier program, which may have been another stack
    monitor = _Monitor()
    mocks.set_mocks(monitor.mocks, "trainup", stack, preview=False, monitor=monitor)
    settings.SETTINGS.root_directory = str(root or ".")
    try:
        loop.run_until_complete(run_pulumi_func(lambda: program() and None))
    finally:
        loop.close()
    return monitor.found
