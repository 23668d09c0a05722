"""What came of a sweep, as the outputs of its resource: the best trial, and a line for each of the others."""

from collections.abc import Sequence
from typing import Any

from trainup.core.numbers import to_plain
from trainup.core.status import Status
from trainup.core.sweeps.declaration import Objective
from trainup.core.sweeps.outcomes import best
from trainup.jobs.sweeps.driving import Progress
from trainup.jobs.sweeps.trials import KnownTrial, Plan
from trainup.jobs.target import Record, Target

OUTPUTS = ("status", "best", "digest", "outputs_uri", "trials")
"""Outputs that are known only once the sweep has ended."""


def outputs_of(target: Target, plan: Plan, progress: Progress) -> dict[str, Any]:
    """The outputs.

    - `status`: of the sweep as a whole: one completed trial completes it;
    - `best`: of the best trial `number`, `name`, `arguments` (its point), `metric` (the value of the objective),
      `metrics` (name → last value), `outputs_uri`, `log_uri` and `web_url`; null where there is none;
    - `digest` and `outputs_uri`: those of the best trial, for whoever uses its outputs; empty where there is none;
    - `trials`: for each `number`, `name`, `status`, `arguments`, `metric`, and `failure` where there is one.
    """
    record = best_record(target, plan, progress)
    return {
        "status": str(status_of(progress, has_best=record is not None)),
        **_of_best(record, progress.begun),
        "trials": [trial.to_state() for trial in progress.begun],
    }


def best_of(target: Target, objective: Objective, trials: Sequence[KnownTrial]) -> dict[str, Any]:
    """The outputs about the best one of these trials."""
    first = best(objective, [trial.outcome for trial in trials])
    name = next((trial.name for trial in trials if first is not None and trial.number == first.number), "")
    return _of_best(target.get(name) if name else None, trials)


def _of_best(record: Record | None, trials: Sequence[KnownTrial]) -> dict[str, Any]:
    """The outputs about the best trial, whose record this is."""
    if record is None:
        return {"best": None, "digest": "", "outputs_uri": ""}
    trial = next(one for one in trials if one.name == record.name)
    best_trial = {
        "number": trial.number,
        "name": record.name,
        "arguments": dict(trial.outcome.point),
        "metric": trial.outcome.value,
        "metrics": to_plain(dict(record.metrics)),
        "outputs_uri": record.outputs_uri,
        "log_uri": record.log_uri,
        "web_url": record.web_url,
    }
    return {"best": best_trial, "digest": record.digest, "outputs_uri": record.outputs_uri}


def status_of(progress: Progress, *, has_best: bool) -> Status:
    """The status of the sweep as a whole."""
    if progress.is_stopped:
        return Status.RUNNING
    if has_best:
        return Status.COMPLETED
    return Status.TIMED_OUT if progress.ran_out else Status.FAILED


def best_record(target: Target, plan: Plan, progress: Progress) -> Record | None:
    """The record of the best trial; None where no trial has completed with a value of the metric."""
    first = best(plan.sweep.objective, progress.outcomes)
    if first is None:
        return None
    name = progress.trials[first.number].name
    if progress.best is not None and progress.best.name == name:
        return progress.best
    return target.get(name)
