"""The program: settings → platform → runs → exports."""

from typing import cast

import pulumi

from trainup.components.run import TrainingRun, TrainingRunArgs
from trainup.infra import local, settings

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
    place = {
        "target": platform.target,
        "workspace_id": platform.workspace_id,
        "cluster_id": platform.cluster_id,
        "image": platform.image,
    }
    runs[name] = TrainingRun(name, cast(TrainingRunArgs, place | given))

pulumi.export("platform", vars(platform))
outputs = TrainingRun.__annotations__
pulumi.export("runs", {name: {output: getattr(run, output) for output in outputs} for name, run in runs.items()})
