"""One run for each number of epochs, and the best of them."""

import pulumi

from trainup import LocalCluster, LocalImage, LocalRegistry, LocalWorkspace, TrainingRun

workspace = LocalWorkspace("workspace", {"path": f".trainup/{pulumi.get_stack()}", "tracking": "none"})
registry = LocalRegistry("registry", {"workspace_id": workspace.workspace_id})
cluster = LocalCluster("cluster", {"workspace_id": workspace.workspace_id, "max_nodes": 2})
image = LocalImage("image", {"workspace_id": workspace.workspace_id})

runs = {
    epochs: TrainingRun(
        f"epochs-{epochs}",
        {
            "target": "local",
            "workspace_id": workspace.workspace_id,
            "cluster_id": cluster.cluster_id,
            "image": image.reference,
            "source": "src",
            "script": "hello.py",
            "arguments": ["--epochs", str(epochs)],
        },
    )
    for epochs in (1, 2, 4)
}

losses = pulumi.Output.all(**{str(epochs): run.metrics for epochs, run in runs.items()})
pulumi.export("server", registry.login_server)
pulumi.export("status", runs[4].status)
pulumi.export("best", losses.apply(lambda metrics: min(metrics, key=lambda epochs: metrics[epochs]["loss"])))
