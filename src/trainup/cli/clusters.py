"""How a stack's cluster is doing: asked of Azure, or of this machine, at the moment."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainup.cli.stack import Stack
from trainup.cli.table import aligned
from trainup.core.clusters import SERVERLESS, ClusterStatus
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import TargetError

COMPUTE = "azure-native:machinelearningservices:Compute"
PROVIDER = "pulumi:providers:azure-native"
POOL = "trainup:index:Pool"


def of(stack: Stack, project: Path) -> list[ClusterStatus]:
    """The status of every cluster of a stack; TargetError when it has none, or one cannot be asked."""
    pools = [resource for resource in stack.resources if resource["type"] == POOL]
    ids = [str(resource["id"]) for resource in stack.resources if resource["type"] == COMPUTE and "id" in resource]
    attached = (stack.outputs.get("platform") or {}).get("cluster_id")
    if not ids and not pools and attached and attached != SERVERLESS:
        ids = [str(attached)]
    if not ids and not pools:
        why = "its runs are serverless: Azure ML finds a node for each" if attached == SERVERLESS else "deploy it first"
        raise TargetError(f"stack {stack.name!r} has no cluster: {why}")
    found = [_local(resource, project) for resource in pools]
    if ids:
        # Only stacks on Azure have what this needs.
        from trainup.jobs.azure.http.connection import connect
        from trainup.jobs.azure.platform import clusters

        client = connect(_cloud(stack))
        found += [clusters.status(client, cluster_id) for cluster_id in ids]
    return found


def _cloud(stack: Stack) -> str | None:
    """What the stack's provider was told about Azure's cloud."""
    for resource in stack.resources:
        if resource["type"] == PROVIDER:
            inputs: dict[str, Any] = resource.get("inputs", {})
            return inputs.get("metadataHost") or inputs.get("environment")
    return None


def _local(resource: dict[str, Any], project: Path) -> ClusterStatus:
    """A pool of slots as a cluster whose nodes are always there."""
    inputs = resource["inputs"]
    pool = Pool(Workspace((project / inputs["workspace"]).resolve(), project.resolve()), inputs["name"])
    settings = pool.settings()
    if settings is None:
        raise TargetError(f"there is no cluster {inputs['name']!r}: `pulumi refresh` tells the stack so")
    most = int(settings["max_nodes"])
    running = min(pool.in_use(), most)
    return ClusterStatus(inputs["name"], "Steady", most, most, {"idle": most - running, "running": running}, ())


def as_json(found: list[ClusterStatus]) -> str:
    """A list with an object for each cluster."""
    return json.dumps([asdict(status) for status in found], indent=2)


def as_table(found: list[ClusterStatus]) -> str:
    """A line for each cluster, and one for each error."""
    rows = [("CLUSTER", "ALLOCATION", "NODES", "TARGET", "BY STATE")]
    for status in found:
        states = ", ".join(f"{count} {state}" for state, count in status.nodes.items() if count) or "none"
        rows.append((status.name, status.allocation_state, str(status.current_nodes), str(status.target_nodes), states))
    return "\n".join([aligned(rows), *(f"{status.name}: {text}" for status in found for text in status.errors)])
