"""What a stack on Azure declares to have it checked that the subscription is ready for it."""

from pathlib import Path
from typing import Any

import pulumi

from trainup.components.azure.cluster import GpuCluster
from trainup.components.azure.workspace import Workspace
from trainup.components.resources import Readiness
from trainup.core.prices import Tier
from trainup.core.readiness import namespaces_of
from trainup.infra import azure_costs
from trainup.infra.azure_settings import AzureSettings

CLUSTER = "the cluster"


def readiness(settings: AzureSettings, workspace: Workspace, cluster: GpuCluster, root: Path) -> Readiness:
    """The check of a stack's subscription; `root` is the folder of Pulumi.yaml."""
    makes_workspace = settings.existing_workspace is None
    inputs: dict[str, Any] = {
        "location": settings.azure_native.location,
        "subscription_id": settings.azure_native.subscription_id,
        "cloud": settings.azure_native.cloud,
        "namespaces": list(namespaces_of(workspace=makes_workspace, registry=settings.makes_registry)),
        "resource_group_name": workspace.resource_group_name,
        "workspace_name": settings.workspace.name if makes_workspace else None,
        "registry_name": settings.registry.name if settings.makes_registry else None,
        "size": cluster.size,
        "demands": _demands(settings, root),
    }
    return Readiness("readiness", inputs, pulumi.ResourceOptions())


def _demands(settings: AzureSettings, root: Path) -> dict[str, Any]:
    """What may have nodes at once: the stack's own cluster, and the runs without one."""
    own, demands = settings.cluster, dict[str, Any]()
    if not own.id and not own.serverless:
        demands[CLUSTER] = {"nodes": own.max_nodes, "spot": own.spot}
    for name, run in settings.runs.items():
        planned = azure_costs.planned_run(run, settings, root)
        if "tier" in planned:  # without a cluster
            demands[name] = {
                "nodes": planned.get("nodes", 1) * planned.get("trials_at_once", 1),
                "spot": planned["tier"] == Tier.SPOT,
                **{key: planned[key] for key in ("size", "after") if key in planned},
            }
    return demands
