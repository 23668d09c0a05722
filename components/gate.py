"""The gate between a model and what serves it, on every target."""

from typing import Any, NotRequired, TypedDict

import pulumi

from trainup.components import arguments
from trainup.components.resources import LiveModel


class GateArgs(TypedDict):
    """What is judged, by which rules, and what a failure means."""

    target: str
    """Where the model is registered: `local` or `azure`."""

    workspace_id: pulumi.Input[str]
    """The workspace that has the registry."""

    model_name: str
    """Name of the model in the registry."""

    candidate: pulumi.Input[dict[str, Any]]
    """The version that may go live: `registered` of a `Model`."""

    rules: list[str]
    """What the candidate has to fulfil, all of it: `accuracy >= 0.97`, `accuracy better than live by 0.002`. Lower is
    better for losses, errors and times."""

    metrics: NotRequired[pulumi.Input[dict[str, Any]] | None]
    """`metrics` of another run, which evaluates the model on data of its own. Defaults to those of the run that trained
    it."""

    on_failure: NotRequired[pulumi.Input[str] | None]
    """`fail`: a candidate that does not pass fails `up`; `keep`: it is no failure. In either case what is live stays.
    Defaults to `fail`."""

    cloud: NotRequired[str | None]
    """Which Azure: `public`, `usgovernment`, `china`, or the host that describes another. Defaults to what
    the variables of azure-native say, or `public`."""


class Gate(pulumi.ComponentResource):
    """Judges a candidate by its metrics, and says which version of the model is live; what serves depends on that.

    What is live is a fact of the registry: the alias `live` in MLflow, the tag `trainup.live` of the model in Azure ML.
    It stays when the gate is deleted. Costs nothing.
    """

    live: pulumi.Output[dict[str, Any]]
    """The version that is live, with the keys of `registered` of a `Model`; `version` is empty where none is."""

    passed: pulumi.Output[bool]
    """Whether the candidate fulfils all rules."""

    reasons: pulumi.Output[list[str]]
    """A sentence for each rule."""

    def __init__(self, name: str, args: GateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:Gate", name, {}, opts)
        arguments.check(self, args, GateArgs)

        inputs = {
            "target": args["target"],
            "workspace": args["workspace_id"],
            "model": args["model_name"],
            "candidate": args["candidate"],
            "rules": args["rules"],
            **{key: args.get(key) for key in ("metrics", "on_failure", "cloud")},
        }
        gate = LiveModel(
            f"{name}-live",
            {key: value for key, value in inputs.items() if value is not None},
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.live = gate.live
        self.passed = gate.passed
        self.reasons = gate.reasons
        self.register_outputs({output: getattr(self, output) for output in Gate.__annotations__})
