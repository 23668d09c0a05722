"""The arguments of a run, which connect it to the platform and to the runs before it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pulumi

from trainup.components.gate import Gate, GateArgs
from trainup.components.model import Model, ModelArgs
from trainup.components.run import TrainingRun, TrainingRunArgs, are_of_a_run
from trainup.infra.endpoint_settings import EndpointSettings
from trainup.infra.model_settings import GateSettings, RegisteredModelSettings
from trainup.infra.platforms import Platform
from trainup.infra.run_settings import InputSettings, RunSettings
from trainup.infra.stack_config import StackConfig


def arguments(
    run: RunSettings, platform: Platform, runs: Mapping[str, TrainingRun], config: StackConfig
) -> TrainingRunArgs:
    """The arguments of a `TrainingRun`: its settings, the platform's ids, its secrets, and the runs before it."""
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
    assert are_of_a_run(args), "settings and component have the keys of core/run_keys.py"
    return args


def input_of(
    settings: InputSettings, platform: Platform, runs: Mapping[str, TrainingRun]
) -> dict[str, pulumi.Input[str]]:
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


def endpoint_arguments(
    name: str,
    settings: EndpointSettings,
    platform: Platform,
    runs: Mapping[str, TrainingRun],
    gates: Mapping[str, Gate],
) -> dict[str, Any]:
    """The arguments of an endpoint: its settings, the platform's ids, and the model that it serves."""
    args = settings.model_dump(mode="json", exclude_none=True, exclude={"model"})
    args |= {"workspace_id": platform.workspace_id, "image": platform.image}
    if (model := settings.model) is None:
        return args
    if model.gate is not None:
        live = gates[model.gate].live.apply(partial(_is_there, name, model.gate))
        args["image"] = pulumi.Output.all(live["image"], platform.image).apply(lambda images: images[0] or images[1])
        args["model"] = {key: live[key] for key in ("uri", "digest", "path")}
        return args
    run = runs[model.run] if model.run else None
    args["model"] = {
        "uri": run.outputs_uri if run else model.uri,
        "digest": run.digest if run else model.version,
        **({"path": model.path} if model.path else {}),
    }
    return args


def _is_there(endpoint: str, gate: str, live: dict[str, Any]) -> dict[str, Any]:
    """What is live. Raises RunError where nothing is."""
    if not live["version"]:
        raise pulumi.RunError(
            f"the endpoint {endpoint} has nothing to serve: no version has passed the gate {gate} yet. Train a better "
            "model, or change the rules"
        )
    return live


def endpoint_outputs(endpoint: pulumi.ComponentResource) -> dict[str, Any]:
    """The outputs of an endpoint as the stack's own."""
    return {name: getattr(endpoint, name) for name in ("url", "deployment", "model_version")}


def model_arguments(
    name: str, model: RegisteredModelSettings, platform: Platform, runs: Mapping[str, TrainingRun]
) -> ModelArgs:
    """The arguments of a `Model`, which connect it to the platform and to the run that leaves it behind."""
    run = runs[model.run] if model.run is not None else None
    return {
        "target": platform.target,
        "workspace_id": platform.workspace_id,
        "cloud": platform.cloud,
        "model_name": model.name or name,
        "run": run.name if run else None,
        "run_digest": run.digest if run else None,
        "run_status": run.status if run else None,
        "path": model.path,
        "promoted": model.promoted,
        "type": model.type,
        "description": model.description,
        "tags": {**model.tags} or None,
    }


def gate_arguments(
    gate: GateSettings,
    settings: Mapping[str, RegisteredModelSettings],
    platform: Platform,
    models: Mapping[str, Model],
    runs: Mapping[str, TrainingRun],
) -> GateArgs:
    """The arguments of a `Gate`: its candidate, and the metrics of the run that evaluates it, if there is one."""
    return {
        "target": platform.target,
        "workspace_id": platform.workspace_id,
        "cloud": platform.cloud,
        "model_name": settings[gate.model].name or gate.model,
        "candidate": models[gate.model].registered,
        "rules": gate.rules,
        "metrics": runs[gate.metrics_of].metrics if gate.metrics_of is not None else None,
        "on_failure": None if gate.on_failure is None else str(gate.on_failure),
    }
