"""The program: settings → platform → runs → exports. `infra/__main__.py` runs it, here and in any other project."""

import gc
from importlib import import_module

import pulumi

ALREADY_REPORTED = 32
"""Exit code with which a program tells the language host that nothing is left to be said."""

gc.disable()  # what is imported and declared stays: looking for garbage in it took a tenth of a preview

from trainup.components.run import TrainingRun
from trainup.infra import edges, findings, references, settings
from trainup.infra.platforms import Platform
from trainup.infra.stack_config import StackConfig


def run() -> None:
    """Declare what the stack's settings say, in the program that calls this."""
    try:
        config = StackConfig.read()
        # The preview that comes before every update asks the provider as well.
        stack_settings = settings.load(config, findings.ask if pulumi.runtime.is_dry_run() else None)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        raise SystemExit(ALREADY_REPORTED) from None
    # Only the target's own module: what declares things on Azure takes seconds to import.
    platform: Platform = import_module(f"trainup.infra.{stack_settings.target}").build(stack_settings, config)

    runs: dict[str, TrainingRun] = {}
    for name in references.order(stack_settings.runs):
        first = pulumi.ResourceOptions(depends_on=platform.first)
        runs[name] = TrainingRun(name, edges.arguments(stack_settings.runs[name], platform, runs, config), opts=first)

    pulumi.export("platform", platform.exported())
    outputs = TrainingRun.__annotations__
    pulumi.export("runs", {name: {output: getattr(run, output) for output in outputs} for name, run in runs.items()})
    gc.freeze()  # nor is it looked through while the engine works
    gc.enable()
