"""The current status of a stack's clusters, as their target reports it."""

import json
from dataclasses import asdict
from pathlib import Path

from trainup.cli.stack import Stack
from trainup.cli.table import aligned
from trainup.core.clusters import SERVERLESS, ClusterStatus
from trainup.core.targets import TARGETS
from trainup.jobs.target import TargetError
from trainup.jobs.targets import opening_of


def of(stack: Stack, project: Path) -> list[ClusterStatus]:
    """The status of every cluster of a stack. Raises TargetError where it has none, or one cannot be reached."""
    platform = stack.outputs.get("platform") or {}
    statuses = [
        status for name in TARGETS for status in opening_of(name).cluster_statuses(stack.resources, platform, project)
    ]
    if not statuses:
        is_serverless = platform.get("cluster_id") == SERVERLESS
        why = "its runs are serverless: Azure ML finds a node for each" if is_serverless else "deploy it first"
        raise TargetError(f"stack {stack.name!r} has no cluster: {why}")
    return statuses


def as_json(statuses: list[ClusterStatus]) -> str:
    """The statuses as a JSON list of objects."""
    return json.dumps([asdict(status) for status in statuses], indent=2)


def as_table(statuses: list[ClusterStatus]) -> str:
    """The statuses as text: a line for each cluster, then one for each error."""
    rows = [("CLUSTER", "ALLOCATION", "NODES", "TARGET", "BY STATE")]
    for status in statuses:
        states = ", ".join(f"{count} {state}" for state, count in status.nodes.items() if count) or "none"
        rows.append((status.name, status.allocation_state, str(status.current_nodes), str(status.target_nodes), states))
    return "\n".join([aligned(rows), *(f"{status.name}: {text}" for status in statuses for text in status.errors)])
