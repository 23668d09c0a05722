"""What the next `up` would submit, according to a preview."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainup.cli import trials
from trainup.cli.stack import RUN_TYPE, SWEEP_TYPE, Stack, StackError
from trainup.core.inputs import with_definition
from trainup.core.sweeps import sampling
from trainup.core.sweeps.declaration import Algorithm
from trainup.core.sweeps.parsing import parse_sweep
from trainup.core.trials import RUN, Trial
from trainup.core.values import UNKNOWN, UNKNOWN_TEXTS, Secret, has_unknown
from trainup.core.wire import SECRET, SIGNATURE
from trainup.jobs import git
from trainup.jobs.job_inputs import job_of
from trainup.jobs.sweeps.trials import from_state, inputs_at
from trainup.jobs.target import Owner, TargetError
from trainup.jobs.targets import opening_of


def inputs_of(text: str, stack: Stack, name: str) -> dict[str, Any]:
    """The inputs of a run or of a trial after the provider's check, from a preview. Raises StackError where it fails.

    `rates_3` is the trial of that number, and `rates` alone the first one. `name` is the stack's, as it is typed.
    """
    words = ["pulumi", "preview", "--json", "--show-sames", "--stack", name, "--non-interactive"]
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        preview = json.loads(process.stdout)
    except ValueError as error:
        raise StackError(process.stderr.strip() or f"`{' '.join(words)}` printed no plan") from error
    problems = [item["message"].strip() for item in preview.get("diagnostics", []) if item.get("severity") == "error"]
    if problems or process.returncode:
        raise StackError("\n".join(problems) or process.stderr.strip())
    planned = [step["newState"] for step in preview.get("steps", []) if step.get("newState")]
    states = {state["inputs"]["run"]: state for state in planned if state.get("type") in (RUN_TYPE, SWEEP_TYPE)}
    run, number = trials.split(text)
    if run not in states or (number is not None and states[run]["type"] == RUN_TYPE):
        raise StackError(f"stack {name!r} has no run {text!r}; there are {', '.join(sorted(states)) or 'none'}")
    inputs = {**_plain(states[run]["inputs"]), "urn": states[run]["urn"]}
    return inputs if states[run]["type"] == RUN_TYPE else _of_trial(inputs, number or 0, stack)


def _of_trial(inputs: dict[str, Any], number: int, stack: Stack) -> dict[str, Any]:
    """The inputs of one trial, and its place in the sweep as `trial`. StackError where it has no such trial."""
    name = inputs["run"]
    if has_unknown(inputs["sweep"]):
        raise StackError(f"the search space of {name} is known only after `trainup up`")
    sweep, _ = parse_sweep(inputs["sweep"])
    assert sweep is not None, "the preview has checked it"
    kept = (stack.sweeps.get(name, {}).get("outputs") or {}).get("trials") or ()
    begun = [from_state(one).outcome for one in kept]
    points = {outcome.number: outcome.point for outcome in begun}
    points |= dict(enumerate(sampling.planned(sweep, begun), sampling.next_number(begun)))
    if number not in points and sweep.sampling.algorithm is Algorithm.BAYESIAN:
        raise StackError(f"the results of the trials before {name}_{number} decide its point: they are not there yet")
    if number not in points:
        raise StackError(f"{name} has {sweep.total} trials, numbered from 0, and no {name}_{number}")
    point = points[number]
    own = {**inputs_at(inputs, point), "run": RUN, "trial": Trial(name, number, point)}
    if sweep.limits.trial_timeout is not None:
        own["timeout"] = sweep.limits.trial_timeout
    return own if with_definition(own).get("display_name") else {**own, "display_name": f"{name}_{number}"}


def request(inputs: dict[str, Any], stack: Stack, project: Path) -> dict[str, Any]:
    """The request that would start a run with these inputs; nothing is sent. Raises TargetError where there is none."""
    urn, trial = inputs.pop("urn"), inputs.pop("trial", None)
    opening = opening_of(inputs["target"])
    if opening.request_of is None or opening.draft_of is None:
        raise TargetError(f"stack {stack.name!r} runs on this machine, where no request is sent")
    resource = {**stack.runs, **stack.sweeps}.get(trial.sweep if trial else inputs["run"]) or {}
    owner = Owner(urn, resource.get("outputs", {}).get("owner") or "<a new one>")
    if unknown_inputs(inputs):
        return opening.draft_of(inputs, project, owner, trial)
    job = replace(job_of(inputs, project, owner), git=git.state_of(project), trial=trial)
    return opening.request_of(job, inputs, project)


def unknown_inputs(inputs: dict[str, Any]) -> list[str]:
    """The inputs of a run that are unknown until the resources behind them exist."""
    return sorted(name for name, value in inputs.items() if name != "secrets" and has_unknown(value))


def _plain(value: Any) -> Any:
    """A value of a preview, with its markers of unknown values and secrets replaced by `UNKNOWN` and `Secret`."""
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWN_TEXTS else value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return Secret("") if value.get(SIGNATURE) == SECRET else {key: _plain(item) for key, item in value.items()}
    return value
