"""The sweep of hyperparameters, on every target."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypeGuard

import pulumi

from trainup.components import arguments
from trainup.components.resources import Sweep
from trainup.components.run import FREE_TEXTS, TrainingRunArgs, inputs_of


class TrainingSweepArgs(TrainingRunArgs):
    """What its trials run, as for a run, and which points it tries."""

    sweep: NotRequired[dict[str, Any] | None]
    """`sampling_algorithm`, `search_space`, `objective`, `limits` and `early_termination`, in Azure ML's words. The
    command takes `${{search_space.name}}`. Defaults to what the job file says, which is a sweep job then."""


def are_of_a_sweep(args: Mapping[str, Any]) -> TypeGuard[TrainingSweepArgs]:
    """Whether these are valid arguments of a sweep; for arguments that no type checker could check."""
    return not arguments.problems_of(args, TrainingSweepArgs)


class TrainingSweep(pulumi.ComponentResource):
    """A sweep of hyperparameters: a trial for each point, and the best of them.

    A trial is a run like any other, trained once for its inputs, whatever sweep has its point. So a wider sweep trains
    the new points alone, and the same point in two sweeps trains once. That is why trials are jobs of their own on
    Azure, and not one sweep job, whose trials no other sweep could use; and why both targets end the same trials early.

    | Argument | Another value | On this machine | On Azure |
    |---|---|---|---|
    | `sweep` | trains new points, gives up others | as many runs at once as slots | as many jobs at once as nodes |

    All others are those of `TrainingRun`: what trains a run again there trains every trial again.
    """

    status: pulumi.Output[str]
    """Completed, once a trial has completed and none is left; Failed, TimedOut, or Running where `up` was stopped."""

    best: pulumi.Output[dict[str, Any] | None]
    """The best trial: `number`, `name`, `arguments`, `metric`, `metrics`, `outputs_uri`, `log_uri` and `web_url`."""

    digest: pulumi.Output[str]
    """Digest of the best trial: what uses its outputs trains again when another one is the best."""

    outputs_uri: pulumi.Output[str]
    """Where the files lie that the best trial left behind."""

    trials: pulumi.Output[list[dict[str, Any]]]
    """Of each trial `number`, `name`, `status`, `arguments`, `metric`, and `failure` where there is one."""

    def __init__(self, name: str, args: TrainingSweepArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:TrainingSweep", name, {}, opts)
        arguments.check(self, args, TrainingSweepArgs, may_be_empty=FREE_TEXTS)
        inputs = inputs_of(name, args)
        if args.get("sweep") is not None:
            inputs["sweep"] = args["sweep"]
        sweep = Sweep(f"{name}-job", inputs, opts=pulumi.ResourceOptions(parent=self))

        self.status = sweep.status
        self.best = sweep.best
        self.digest = sweep.digest
        self.outputs_uri = sweep.outputs_uri
        self.trials = sweep.trials
        # The others are in the state already, as those of `Sweep`.
        self.register_outputs({"status": sweep.status})
