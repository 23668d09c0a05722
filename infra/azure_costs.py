"""What a stack on Azure declares to have its costs estimated."""

from pathlib import Path
from typing import Any

import pulumi

from trainup.components.azure.cluster import GpuCluster
from trainup.components.resources import CostEstimate
from trainup.core.choices import OnPreemption, QueueTier
from trainup.core.clusters import SERVERLESS
from trainup.core.duration import parse_duration
from trainup.core.inputs import with_definition
from trainup.core.prices import Tier
from trainup.core.serving import INSTANCE_TYPE
from trainup.core.sizes import find_size
from trainup.infra.azure_sections import AzureEndpointSettings
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.run_settings import RunSettings


def cost_estimate(settings: AzureSettings, cluster: GpuCluster, root: Path) -> CostEstimate:
    """The estimate of a stack's costs; `root` is the folder of Pulumi.yaml."""
    own = settings.cluster
    inputs: dict[str, Any] = {
        "location": settings.azure_native.location,
        "subscription_id": settings.azure_native.subscription_id,
        "cloud": settings.azure_native.cloud,
        "currency": settings.costs.currency,
        "size": cluster.size,
        "runs": {name: planned_run(run, settings, root) for name, run in settings.runs.items()},
        "workspace": settings.existing_workspace is None,
        "ceilings": settings.costs.ceilings,
    }
    if own.id:
        inputs["attached_id"] = own.id
    elif not own.serverless:
        inputs["cluster"] = {"min_nodes": own.min_nodes, "max_nodes": own.max_nodes, "spot": own.spot}
    if settings.makes_registry:
        inputs["registry_sku"] = settings.registry.sku
    if settings.endpoints:
        inputs["endpoints"] = {name: planned_endpoint(endpoint) for name, endpoint in settings.endpoints.items()}
    return CostEstimate("costs", inputs, pulumi.ResourceOptions())


def planned_endpoint(endpoint: AzureEndpointSettings) -> dict[str, Any]:
    """One endpoint as an input of `CostEstimate`: with a share of the requests, the deployment before stays as well."""
    shares = endpoint.traffic not in (None, 100) or endpoint.mirror_traffic
    instances = (endpoint.instance_count or 1) * (2 if shares else 1)
    return {"size": endpoint.instance_type or INSTANCE_TYPE, "instances": instances}


def planned_run(run: RunSettings, settings: AzureSettings, root: Path) -> dict[str, Any]:
    """One run as an input of `CostEstimate`: what is not the default. Without a cluster, it has a `tier`."""
    keys = run.model_dump(mode="json", exclude_none=True, exclude={"secrets", "after", "inputs"})
    if run.job:
        from trainup.core.job_files.reading import read  # most stacks have no job files

        keys = with_definition({**keys, "target": "azure", "definition": read(root, run.job)[0]})
    planned = {key: keys[key] for key in ("nodes", "retries", "node_price") if keys.get(key) is not None}
    if (timeout := keys.get("timeout")) is not None:
        planned["timeout"] = parse_duration(timeout)
    if run.sweep is not None:
        planned |= _trials(run.sweep)
    if upstream := [one for one in run.upstream if one in settings.runs]:
        planned["after"] = upstream
    if keys.get("on_preemption") == OnPreemption.FAIL:
        planned["resumes"] = False
    cluster = keys.get("cluster")
    if cluster and cluster != SERVERLESS:
        planned["elsewhere"] = f"{run.job} sends it to a cluster that is not the stack's"
    if settings.cluster.serverless or cluster == SERVERLESS:
        if size := keys.get("size"):
            planned["size"] = find_size(size).sku
        planned["tier"] = str(Tier.SPOT if keys.get("queue_tier") == QueueTier.SPOT else Tier.DEDICATED)
    return planned


def _trials(declared: Any) -> dict[str, Any]:
    """What the declaration of a sweep adds; nothing where it is wrong, which is reported by itself."""
    from trainup.core.sweeps.parsing import parse_sweep  # most stacks have no sweeps

    sweep, _ = parse_sweep(declared)
    if sweep is None:
        return {}
    limit = sweep.limits.trial_timeout or sweep.limits.timeout
    return {"trials": sweep.total, "trials_at_once": sweep.concurrent} | ({"timeout": limit} if limit else {})
