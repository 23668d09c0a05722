"""`trainup:index:Quota`: checks, in the preview, that a cluster can be created and that the quota covers its nodes."""

import datetime
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainup.core.azure_ids import CLUSTER, WORKSPACE, AzureId, parse_id
from trainup.core.gpu_choice import DEFAULT_GPUS, check_gpu, choose
from trainup.core.inputs import Finding
from trainup.core.quota import judge
from trainup.core.rights import ASSIGN, CREATE, WAY_OUT, missing_rights
from trainup.core.sizes import ending, find_size
from trainup.core.values import has_unknown
from trainup.jobs.target import TargetError
from trainup.provider.handler import Change, Context, Difference, Properties, State, compare
from trainup.provider.input_checks import check_names

if TYPE_CHECKING:
    from trainup.jobs.azure.http.client import AzureClient

NODES = ("location", "min_nodes", "max_nodes", "spot")
SIZE = ("size", "gpu", "gpus")
CLOUD = ("subscription_id", "cloud")
PLACE = ("resource_group_name", "workspace_name", "cluster_name")
"""Inputs that name the cluster; they are unknown in the first preview of a new workspace."""


class QuotaHandler:
    """Inputs: `location`, `min_nodes`, `max_nodes`, `spot`; `size` (a SKU), or `gpu` and `gpus`; `subscription_id`,
    `cloud`; for a cluster of the stack `resource_group_name`, `workspace_name`, `cluster_name`. Output: `size`. For an
    existing cluster only `location`, `attached_id` and `cloud`.

    `check` asks Azure, but only for inputs that differ from the deployed ones. With `gpu` it finds the cheapest size
    that the region sells and the quota allows, once: later checks keep it until something else is asked for.

    After a deployment the engine reads the resource once more. It is gone where the cluster is not there or Failed, so
    that the next preview checks again. Creates nothing.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        if inputs.get("attached_id") is not None:
            return inputs, self._check_attached(context, inputs)
        findings = check_names(inputs, NODES, (*SIZE, *CLOUD, *PLACE))
        if not findings and inputs.get("size") is None and inputs.get("gpu") is None:
            findings = [Finding("size", "'size' is missing, and so is 'gpu'")]
        asked = {name: value for name, value in inputs.items() if name not in PLACE}
        if findings or has_unknown(asked):
            return inputs, findings
        if inputs.get("gpu") is not None:
            if problem := check_gpu(inputs["gpu"], _gpus(inputs)):
                return inputs, [Finding("gpu", problem)]
            inputs = _with_deployed_size(inputs, context.before)
        before = context.before or {}
        is_judged = inputs.get("size") is not None and all(
            inputs.get(name) == before.get(name) for name in (*NODES, *SIZE, *CLOUD)
        )
        cluster = _cluster(inputs)
        is_same_cluster = bool(before) and cluster in (None, _cluster(before) or cluster)
        if is_judged and is_same_cluster:
            return inputs, []
        return self._look(context, inputs, None if is_same_cluster else cluster)

    def _check_attached(self, context: Context, inputs: Properties) -> list[Finding]:
        """Look at an existing cluster. Its quota is a warning alone, since it may have its nodes already."""
        findings = check_names(inputs, ("location", "attached_id"), CLOUD)
        if findings or has_unknown(inputs) or inputs == context.before:
            return findings
        from trainup.jobs.azure.http.connection import connect
        from trainup.jobs.azure.platform import clusters
        from trainup.jobs.azure.platform.quota import look

        cluster = parse_id(inputs["attached_id"], CLUSTER)
        try:
            client = connect(inputs.get("cloud"))
            nodes = clusters.nodes(client, str(cluster))
            if nodes is None:
                return [Finding("attached_id", f"there is no cluster {cluster}: correct trainup:cluster.id")]
            if nodes.provisioning.has_failed:
                return [Finding("attached_id", _failed(cluster, nodes.provisioning.errors))]
            usages, sizes = look(client, cluster.subscription_id, nodes.location or inputs["location"])
        except TargetError as error:
            context.warn(f"the cluster {cluster.name} could not be looked up: {error}")
            return []
        if nodes.size and nodes.current == 0:
            facts: dict[str, Any] = {"spot": nodes.spot, "min_nodes": nodes.least, "max_nodes": nodes.most}
            location = nodes.location or inputs["location"]
            verdict = judge(find_size(nodes.size), location=location, **facts, usages=usages, sizes=sizes)
            for text in (*verdict.problems, *verdict.warnings):
                context.warn(f"the cluster {cluster.name}: {text}")
        return []

    def _look(
        self, context: Context, inputs: Properties, new_cluster: AzureId | None
    ) -> tuple[Properties, list[Finding]]:
        """Ask Azure. Where it cannot be asked, the preview goes on with a warning."""
        subscription = _subscription(inputs)
        usages: list[dict[str, Any]] = []
        sizes: list[dict[str, Any]] = []
        findings: list[Finding] = []
        if not subscription:
            context.warn("the quota was not looked up: azure-native:subscriptionId is not set")
        else:
            # Imported here because it takes longer to import than a whole preview.
            from trainup.jobs.azure.http.connection import connect
            from trainup.jobs.azure.platform.quota import look

            try:
                client = connect(inputs.get("cloud"))
                usages, sizes = look(client, subscription, inputs["location"])
                if new_cluster:
                    findings = _in_the_way(context, client, new_cluster)
                if not context.before:
                    _check_rights(context, client, subscription, inputs)
            except TargetError as error:
                context.warn(f"the quota could not be looked up: {error}")
        facts = {name: inputs[name] for name in NODES}
        if inputs.get("size") is None:
            choice = choose(inputs["gpu"], _gpus(inputs), **facts, usages=usages, sizes=sizes)
            problems, warnings = choice.problems, choice.warnings
            inputs = inputs if choice.size is None else {**inputs, "size": choice.size.sku}
        else:
            try:
                size = find_size(inputs["size"])
            except ValueError as error:
                return inputs, [*findings, Finding("size", str(error))]
            if not subscription or (not usages and not sizes):
                return inputs, findings
            verdict = judge(size, **facts, usages=usages, sizes=sizes)
            problems, warnings = verdict.problems, verdict.warnings
        if inputs.get("size") is not None and (near := ending(find_size(inputs["size"]), datetime.date.today())):
            warnings = [*warnings, near]
        for warning in warnings:
            context.warn(warning)
        key = "size" if inputs.get("gpu") is None else "gpu"
        return inputs, [*findings, *(Finding(key, problem) for problem in problems)]

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        if not old.keys() & set(PLACE):
            # The names of the cluster came with a later version: nothing is to be done where only they differ.
            new = {name: value for name, value in new.items() if name not in PLACE}
        return Difference(compare(old, new, lambda name: Change.UPDATE))

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return inputs

    def create(self, context: Context, inputs: Properties) -> State:
        if (attached := inputs.get("attached_id")) is not None:
            return State(attached, inputs)
        return State(f"{inputs['location']}/{inputs['size']}", inputs, refresh=_cluster(inputs) is not None)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return State(state.id, inputs, refresh=_cluster(inputs) is not None)

    def read(self, context: Context, state: State) -> State | None:
        cluster = _cluster(state.outputs)
        if cluster is None:
            return state
        from trainup.jobs.azure.http.connection import connect
        from trainup.jobs.azure.platform import clusters

        try:
            provisioning = clusters.provisioning(connect(state.outputs.get("cloud")), str(cluster))
        except TargetError:
            return State(state.id, state.outputs, refresh=True)
        return None if provisioning is None or provisioning.has_failed else State(state.id, state.outputs)

    def delete(self, context: Context, state: State) -> None:
        """There is nothing to delete."""


def _check_rights(context: Context, client: "AzureClient", subscription: str, inputs: Properties) -> None:
    """Warn of roles that the deployer lacks. A role on a resource group that is not there yet cannot be seen."""
    from trainup.jobs.azure.http.client import AzureError
    from trainup.jobs.azure.platform.quota import permissions

    try:
        for scope, actions in _places_of_rights(client, f"/subscriptions/{subscription}", inputs):
            if missing := missing_rights(permissions(client, scope), actions):
                told = " or ".join(missing)
                context.warn(f"whoever is logged in may not {told} on {scope}, as `up` has to: {WAY_OUT}")
    except AzureError:
        return  # it is not everybody who may read permissions, and the deployment itself tells what it lacks


def _places_of_rights(
    client: "AzureClient", subscription: str, inputs: Properties
) -> list[tuple[str, tuple[str, ...]]]:
    """Scope → what is done there. In a workspace that exists, roles may be on it and on its storage alone."""
    from trainup.jobs.azure.platform.quota import hasty

    group, workspace = inputs.get("resource_group_name"), inputs.get("workspace_name")
    if not isinstance(group, str):
        return [(subscription, (CREATE, ASSIGN))]
    home = f"{subscription}/resourceGroups/{group}"
    if isinstance(workspace, str):
        place = f"{home}/providers/{WORKSPACE}/{workspace}"
        if facts := hasty(client).find(place):
            return [(place, (CREATE,)), (str(facts["properties"]["storageAccount"]), (ASSIGN,))]
    return [(home, (CREATE, ASSIGN))]


def _with_deployed_size(inputs: Properties, before: Properties | None) -> Properties:
    """With the size that was found for the same request before, so that the quota's use never changes a cluster."""
    request = ("location", "spot", "gpu", "gpus", *CLOUD)
    if before and before.get("size") and all(inputs.get(name) == before.get(name) for name in request):
        return {**inputs, "size": before["size"]}
    return inputs


def _gpus(inputs: Properties) -> int:
    gpus = inputs.get("gpus")
    return DEFAULT_GPUS if gpus is None else int(gpus)


def _subscription(inputs: Properties) -> str | None:
    return inputs.get("subscription_id") or os.environ.get("ARM_SUBSCRIPTION_ID")


def _cluster(inputs: Properties) -> AzureId | None:
    """The cluster of the inputs; None where they name none, or not yet."""
    names = {name: inputs.get(name) for name in PLACE}
    subscription = _subscription(inputs)
    if not subscription or has_unknown(names) or None in names.values():
        return None
    group, workspace, cluster = (str(names[name]) for name in PLACE)
    return AzureId(subscription, group, CLUSTER, (workspace, cluster))


def _in_the_way(context: Context, client: "AzureClient", cluster: AzureId) -> list[Finding]:
    """A finding if there is a cluster of the name that failed; azure-native refuses to create another.

    Any other one is a warning alone, since it may have been imported into the stack.
    """
    from trainup.jobs.azure.platform import clusters

    provisioning = clusters.provisioning(client, str(cluster))
    if provisioning is None:
        return []
    if not provisioning.has_failed:
        workspace, name = cluster.names
        context.warn(
            f"there is a cluster {name!r} in the workspace {workspace} already: unless it was imported into the stack, "
            f"attach to it (trainup:cluster.id: {cluster}), or choose another name"
        )
        return []
    return [Finding("cluster_name", _failed(cluster, provisioning.errors))]


def _failed(cluster: AzureId, causes: Sequence[str]) -> str:
    """That a cluster has failed, why, and how to remove it."""
    workspace, name = cluster.names
    command = (
        f"az ml compute delete --name {name} --workspace-name {workspace} --resource-group {cluster.resource_group} "
        f"--subscription {cluster.subscription_id} --yes"
    )
    errors = f" ({'; '.join(causes)})" if causes else ""
    return (
        f"the cluster {name!r} is in the state Failed{errors}: Azure keeps a cluster that it could not create, and no "
        f"other can have its name. Remove it: {command}"
    )
