"""The arguments of a run, which connect it to the platform and to the runs before it."""

from collections.abc import Mapping
from typing import Any

import pulumi

from trainup.components.run import TrainingRun, TrainingRunArgs, are_of_a_run
from trainup.components.sweep import TrainingSweep, TrainingSweepArgs, are_of_a_sweep
from trainup.infra.endpoint_settings import EndpointSettings
from trainup.infra.platforms import Platform
from trainup.infra.run_settings import InputSettings, RunSettings
from trainup.infra.stack_config import StackConfig

Upstream = TrainingRun | TrainingSweep
"""What a run may come after: of a sweep it gets the outputs of the best trial."""


def arguments(
    run: RunSettings, platform: Platform, runs: Mapping[str, Upstream], config: StackConfig
) -> TrainingRunArgs | TrainingSweepArgs:
    """The arguments of a run or of a sweep: its settings, the platform's ids, its secrets, and the runs before it."""
    own_image = platform.job_images.get(run.job or "")
    platform_args: TrainingRunArgs = {
        "target": platform.target,
        "workspace_id": platform.workspace_id,
        "cluster_id": platform.cluster_id,
        "image": own_image.reference if own_image else platform.image,
        "environment_id": own_image.environment_id if own_image else platform.environment_id,
        "cloud": platform.cloud,
        "size": platform.size,
    }
    settings: dict[str, Any] = run.model_dump(mode="json", exclude_none=True, exclude={"secrets", "after", "inputs"})
    if run.secrets:
        settings["secrets"] = {variable: config.secret(name) for variable, name in run.secrets.items()}
    if run.after:
        settings["after"] = {upstream: runs[upstream].digest for upstream in run.after}
    if run.inputs:
        settings["inputs"] = {key: input_of(item, platform, runs) for key, item in run.inputs.items()}
    args = {**platform_args, **settings}
    if are_of_a_run(args):
        return args
    assert are_of_a_sweep(args), "settings and components have the keys of core/run_keys.py"
    return args


def declare(
    name: str,
    run: RunSettings,
    platform: Platform,
    runs: Mapping[str, Upstream],
    config: StackConfig,
    options: pulumi.ResourceOptions,
) -> Upstream:
    """The component of a run, or of a sweep."""
    args = arguments(run, platform, runs, config)
    if are_of_a_run(args):
        return TrainingRun(name, args, options)
    assert are_of_a_sweep(args), "what is no run is a sweep"
    return TrainingSweep(name, args, options)


def outputs_of(runs: Mapping[str, Upstream], kind: type[Upstream]) -> dict[str, Any]:
    """Name → outputs, of the components of one kind."""
    return {
        name: {output: getattr(run, output) for output in kind.__annotations__}
        for name, run in runs.items()
        if isinstance(run, kind)
    }


def input_of(settings: InputSettings, platform: Platform, runs: Mapping[str, Upstream]) -> dict[str, pulumi.Input[str]]:
    """An input as argument of a run: its address, and the digest, by which a change trains again."""
    reference: dict[str, pulumi.Input[str]]
    if settings.data is not None:
        data = platform.data[settings.data]
        reference = {"uri": data.uri, "digest": data.digest}
    elif settings.run is not None:
        run = runs[settings.run]
        reference = {"uri": run.outputs_uri, "digest": run.digest}
    elif settings.uri is not None:
        reference = {"uri": settings.uri, "digest": settings.version or ""}
    else:
        return {"value": settings.value or ""}
    return reference | settings.model_dump(mode="json", exclude_none=True, include={"path", "type", "mode"})


def endpoint_arguments(settings: EndpointSettings, platform: Platform, runs: Mapping[str, Upstream]) -> dict[str, Any]:
    """The arguments of an endpoint: its settings, the platform's ids, and the model that it serves."""
    args = settings.model_dump(mode="json", exclude_none=True, exclude={"model"})
    args |= {"workspace_id": platform.workspace_id, "image": platform.image}
    if (model := settings.model) is not None:
        run = runs[model.run] if model.run else None
        args["model"] = {
            "uri": run.outputs_uri if run else model.uri,
            "digest": run.digest if run else model.version,
            **({"path": model.path} if model.path else {}),
        }
    return args


def endpoint_outputs(endpoint: pulumi.ComponentResource) -> dict[str, Any]:
    """The outputs of an endpoint as the stack's own."""
    return {name: getattr(endpoint, name) for name in ("url", "deployment", "model_version")}
