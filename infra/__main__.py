"""The program: settings → platform → runs → exports."""

import pulumi

from trainup.components.run import TrainingRun
from trainup.infra import local, settings

TOLD = ("name", "status", "metrics", "best", "duration_seconds", "attempts", "phases", "outputs_uri", "log_uri", "web_url")

wanted = settings.load()
platform = local.build(wanted)

runs: dict[str, TrainingRun] = {}
for name in settings.order(wanted):
    run = wanted.runs[name]
    given = run.model_dump(mode="json", exclude_none=True, exclude={"secrets", "after"})
    if run.secrets:
        given["secrets"] = {variable: settings.secret(variable) for variable in run.secrets}
    if run.after:
        given["after"] = {upstream: runs[upstream].digest for upstream in run.after}
    runs[name] = TrainingRun(
        name,
        {
            "target": platform.target,
            "workspace_id": platform.workspace_id,
            "cluster_id": platform.cluster_id,
            "image": platform.image,
            **given,
        },
    )

pulumi.export("platform", vars(platform))
pulumi.export("runs", {name: {output: getattr(run, output) for output in (*TOLD, "cost")} for name, run in runs.items()})
