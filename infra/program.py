"""The program: settings → platform → runs → exports. `infra/__main__.py` runs it, here and in any other project."""

import gc
from functools import cache
from importlib import import_module

import pulumi

ALREADY_REPORTED = 32
"""Exit code by which a program tells the language host that it has reported its error itself."""

gc.disable()  # modules and resources stay in use: searching them for garbage took a tenth of a preview

from trainup.components.gate import Gate
from trainup.components.model import Model
from trainup.components.run import TrainingRun
from trainup.components.sweep import TrainingSweep
from trainup.infra import edges, findings, references, settings
from trainup.infra.platforms import Platform
from trainup.infra.stack_config import StackConfig


def run() -> None:
    """Declare the stack's platform and runs in the calling program. Raises SystemExit where the settings are wrong."""
    try:
        config = StackConfig.read()
        # Only the preview asks the provider for its findings: every update has one before it.
        stack_settings = settings.load(config, findings.ask if pulumi.runtime.is_dry_run() else None)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        raise SystemExit(ALREADY_REPORTED) from None
    # Import the target's module alone: Azure's SDK takes seconds.
    target = import_module(f"trainup.infra.{stack_settings.target}")
    platform: Platform = target.build(stack_settings, config)

    runs: dict[str, edges.Upstream] = {}

    @cache
    def model_of(name: str) -> Model:
        after_platform = pulumi.ResourceOptions(depends_on=platform.first)  # the roles by which files are taken over
        args = edges.model_arguments(name, stack_settings.models[name], platform, runs)
        return Model(f"{name}-model", args, opts=after_platform)

    @cache
    def gate_of(name: str) -> Gate:
        gate = stack_settings.gates[name]
        candidate = {gate.model: model_of(gate.model)}
        return Gate(f"{name}-gate", edges.gate_arguments(gate, stack_settings.models, platform, candidate, runs))

    for name in references.order(stack_settings.runs, stack_settings.models, stack_settings.gates):
        run, first = stack_settings.runs[name], pulumi.ResourceOptions(depends_on=platform.first)
        read = {gate: gate_of(gate) for gate in run.gates}
        runs[name] = edges.declare(name, run, platform, runs, read, config, first)
    models = {name: model_of(name) for name in stack_settings.models}
    gates = {name: gate_of(name) for name in stack_settings.gates}

    pulumi.export("platform", platform.exported())
    pulumi.export("runs", edges.outputs_of(runs, TrainingRun))
    if sweeps := edges.outputs_of(runs, TrainingSweep):
        pulumi.export("sweeps", sweeps)
    if models:
        pulumi.export("models", {name: model.registered for name, model in models.items()})
    if gates:
        pulumi.export("gates", {name: {"live": gate.live, "passed": gate.passed} for name, gate in gates.items()})
    if stack_settings.endpoints:  # stacks without any keep the outputs that they had
        served = {
            name: target.serve(name, edges.endpoint_arguments(name, endpoint, platform, runs, gates), platform)
            for name, endpoint in stack_settings.endpoints.items()
        }
        pulumi.export("endpoints", {name: edges.endpoint_outputs(one) for name, one in served.items()})
    gc.freeze()  # exempt what exists now from later collections, too
    gc.enable()
