"""The program: settings → platform → runs → exports. `infra/__main__.py` runs it, here and in any other project."""

import gc
from importlib import import_module
from typing import cast

import pulumi

TOLD = 32
"""Exit code with which a program tells the language host that nothing is left to be said."""

gc.disable()  # what is imported and declared stays: looking for garbage in it took a tenth of a preview

from trainup.components.run import TrainingRun, TrainingRunArgs
from trainup.infra import edges, findings, references, settings
from trainup.infra.platforms import Platform
from trainup.infra.stack_config import StackConfig


def run() -> None:
    """Declare what the stack's settings say, in the program that calls this."""
    try:
        # The preview that comes before every update asks the provider as well.
        wanted = settings.load(findings.ask if pulumi.runtime.is_dry_run() else None)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        raise SystemExit(TOLD) from None
    # Only the target's own module: what declares things on Azure takes seconds to import.
    platform: Platform = import_module(f"trainup.infra.{wanted.target}").build(wanted)

    config = StackConfig.read()
    runs: dict[str, TrainingRun] = {}
    for name in references.order(wanted.runs):
        run = wanted.runs[name]
        given = run.model_dump(mode="json", exclude_none=True, exclude={"secrets", "after", "inputs"})
        if run.secrets:
            given["secrets"] = {variable: config.secret(name) for variable, name in run.secrets.items()}
        if run.after:
            given["after"] = {upstream: runs[upstream].digest for upstream in run.after}
        if run.inputs:
            given["inputs"] = {key: edges.source(item, platform, runs) for key, item in run.inputs.items()}
        place = {
            "target": platform.target,
            "workspace_id": platform.workspace_id,
            "cluster_id": platform.cluster_id,
            "image": platform.image,
            "environment_id": platform.environment_id,
            **{key: value for key, value in (("cloud", platform.cloud), ("size", platform.size)) if value},
        }
        first = pulumi.ResourceOptions(depends_on=platform.first)
        runs[name] = TrainingRun(name, cast(TrainingRunArgs, place | given), opts=first)

    pulumi.export("platform", platform.exported())
    outputs = TrainingRun.__annotations__
    pulumi.export("runs", {name: {output: getattr(run, output) for output in outputs} for name, run in runs.items()})
    gc.freeze()  # nor is it looked through while the engine works
    gc.enable()
