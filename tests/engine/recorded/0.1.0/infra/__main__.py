"""What was declared when the state beside it was recorded."""

import pulumi

from trainup import LocalCluster, LocalWorkspace, TrainingRun

workspace = LocalWorkspace("workspace", {"path": f".trainup/{pulumi.get_stack()}", "tracking": "none"})
cluster = LocalCluster("cluster", {"workspace_id": workspace.workspace_id, "max_nodes": 2})
first = TrainingRun(
    "first",
    {
        "target": "local",
        "workspace_id": workspace.workspace_id,
        "cluster_id": cluster.cluster_id,
        "source": "src",
        "script": "hello.py",
        "arguments": ["--epochs", "2"],
        "tags": {"team": "vision"},
        "timeout": "10m",
    },
)
second = TrainingRun(
    "second",
    {
        "target": "local",
        "workspace_id": workspace.workspace_id,
        "cluster_id": cluster.cluster_id,
        "source": "src",
        "command": ["sh", "-c", "echo second"],
        "after": {"first": first.digest},
        "retries": 1,
    },
)
pulumi.export("loss", first.metrics.apply(lambda metrics: metrics["loss"]))
