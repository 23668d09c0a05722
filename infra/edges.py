"""The arguments of a run, which connect it to the platform and to the runs before it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pulumi

from trainup.components.gate import Gate, GateArgs
from trainup.components.model import Model, ModelArgs
from trainup.components.run import TrainingRun, TrainingRunArgs, are_of_a_run
from trainup.components.sweep import TrainingSweep, TrainingSweepArgs, are_of_a_sweep
from trainup.core import scoring
from trainup.infra.endpoint_settings import EndpointSettings
from trainup.infra.model_settings import GateSettings, RegisteredModelSettings
from trainup.infra.platforms import Platform
from trainup.infra.run_settings import InputSettings, RunSettings
from trainup.infra.stack_config import StackConfig

Upstream = TrainingRun | TrainingSweep
"""What a run may come after: of a sweep it gets the outputs of the best trial."""


def arguments(
    run: RunSettings,
    platform: Platform,
    runs: Mapping[str, Upstream],
    gates: Mapping[str, Gate],
    config: StackConfig,
) -> TrainingRunArgs | TrainingSweepArgs:
    """The arguments of a run or of a sweep: its settings, the platform's ids, its secrets, and what comes before it."""
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
        settings["after"] = {upstream: _digest_of(runs[upstream]) for upstream in run.after}
    if run.inputs:
        settings["inputs"] = {key: input_of(item, platform, runs, gates) for key, item in run.inputs.items()}
    model = (run.inputs or {}).get(scoring.MODEL)
    if run.score and model is not None and model.gate is not None:  # as at an endpoint
        image = _image_of(gates[model.gate].live, platform)
        platform_args["image"] = image
        known = pulumi.Output.all(image, platform.image, platform.environment_id)
        platform_args["environment_id"] = known.apply(_environment_of)
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
    gates: Mapping[str, Gate],
    config: StackConfig,
    options: pulumi.ResourceOptions,
) -> Upstream:
    """The component of a run, or of a sweep."""
    args = arguments(run, platform, runs, gates, config)
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


def input_of(
    settings: InputSettings, platform: Platform, runs: Mapping[str, Upstream], gates: Mapping[str, Gate]
) -> dict[str, pulumi.Input[str]]:
    """An input as argument of a run: its address, and the digest, by which a change trains again."""
    reference: dict[str, pulumi.Input[str]]
    if settings.data is not None:
        data = platform.data[settings.data]
        reference = {"uri": data.uri, "digest": data.digest}
    elif settings.run is not None:
        run = runs[settings.run]
        reference = {"uri": run.outputs_uri, "digest": _digest_of(run)}
    elif settings.gate is not None:
        live = gates[settings.gate].live.apply(partial(_is_there, "a run", "read", settings.gate))
        reference = {"uri": live["uri"], "digest": live["digest"]}
    elif settings.uri is not None:
        reference = {"uri": settings.uri, "digest": settings.version or ""}
    else:
        return {"value": settings.value or ""}
    return reference | settings.model_dump(mode="json", exclude_none=True, include={"path", "type", "mode"})


def endpoint_arguments(
    name: str,
    settings: EndpointSettings,
    platform: Platform,
    runs: Mapping[str, Upstream],
    gates: Mapping[str, Gate],
) -> dict[str, Any]:
    """The arguments of an endpoint: its settings, the platform's ids, and the model that it serves."""
    args = settings.model_dump(mode="json", exclude_none=True, exclude={"model"})
    args |= {"workspace_id": platform.workspace_id, "image": platform.image}
    if (model := settings.model) is None:
        return args
    if model.gate is not None:
        live = gates[model.gate].live.apply(partial(_is_there, f"the endpoint {name}", "serve", model.gate))
        args["image"] = _image_of(live, platform)
        args["model"] = {key: live[key] for key in ("id", "uri", "digest", "path")}
        return args
    run = runs[model.run] if model.run else None
    args["model"] = {
        "uri": run.outputs_uri if run else model.uri,
        "digest": run.digest if run else model.version,
        **({"path": model.path} if model.path else {}),
    }
    return args


def _image_of(live: pulumi.Output[dict[str, Any]], platform: Platform) -> pulumi.Output[Any]:
    """What reads a model: the image that it was trained in, or the stack's own where it had none."""
    return pulumi.Output.all(live["image"], platform.image).apply(lambda images: images[0] or images[1])


def _environment_of(given: list[Any]) -> Any:
    """The stack's environment for (the image that reads a model, the stack's own, its environment); None where the
    images differ.
    """
    image, own, environment = given
    return environment if image == own else None


def _is_there(who: str, purpose: str, gate: str, live: dict[str, Any]) -> dict[str, Any]:
    """What is live. Raises RunError where nothing is."""
    if not live["version"]:
        raise pulumi.RunError(
            f"{who} has nothing to {purpose}: no version has passed the gate {gate} yet. Train a better "
            "model, or change the rules"
        )
    return live


def endpoint_outputs(endpoint: pulumi.ComponentResource) -> dict[str, Any]:
    """The outputs of an endpoint as the stack's own."""
    return {name: getattr(endpoint, name) for name in ("url", "deployment", "model_version")}


def _digest_of(run: Upstream) -> pulumi.Output[str]:
    """What a run depends on that comes after this one."""
    return run.result_digest if isinstance(run, TrainingRun) else run.digest


def _attempt_of(run: Upstream) -> pulumi.Output[str]:
    """The name of a run's attempt, or of the best trial of a sweep; empty where it has none."""
    return run.name if isinstance(run, TrainingRun) else run.best.apply(lambda best: best["name"] if best else "")


def _metrics_of(run: Upstream) -> pulumi.Output[dict[str, Any]]:
    """The metrics of a run, or of the best trial of a sweep."""
    return run.metrics if isinstance(run, TrainingRun) else run.best.apply(lambda best: best["metrics"] if best else {})


def model_arguments(
    name: str, model: RegisteredModelSettings, platform: Platform, runs: Mapping[str, Upstream]
) -> ModelArgs:
    """The arguments of a `Model`, which connect it to the platform and to the run that leaves it behind."""
    run = runs[model.run] if model.run is not None else None
    return {
        "target": platform.target,
        "workspace_id": platform.workspace_id,
        "cloud": platform.cloud,
        "model_name": model.name or name,
        "run": _attempt_of(run) if run else None,
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
    runs: Mapping[str, Upstream],
) -> GateArgs:
    """The arguments of a `Gate`: its candidate, and the metrics of the run that evaluates it, or that trained it.

    Those of the latter are the candidate's own, and a preview knows them before the candidate is registered.
    """
    measured = gate.metrics_of or settings[gate.model].run
    return {
        "target": platform.target,
        "workspace_id": platform.workspace_id,
        "cloud": platform.cloud,
        "model_name": settings[gate.model].name or gate.model,
        "candidate": models[gate.model].registered,
        "rules": gate.rules,
        "metrics": _metrics_of(runs[measured]) if measured is not None else None,
        "on_failure": None if gate.on_failure is None else str(gate.on_failure),
    }
