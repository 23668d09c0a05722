"""The trials of a sweep: the job of each, and what is known of it."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainup.core import curves, trials
from trainup.core.errors import TrainupError
from trainup.core.failure import Failure, FailureClass
from trainup.core.git_state import GitState
from trainup.core.metrics import LOWER_IS_BETTER
from trainup.core.numbers import to_number, to_plain
from trainup.core.status import Status
from trainup.core.sweeps.commands import substitute
from trainup.core.sweeps.declaration import Goal, Objective, Sweep
from trainup.core.sweeps.outcomes import Outcome, Point, best_value
from trainup.core.trials import Trial, early_reason
from trainup.jobs.job_inputs import Inputs, job_of
from trainup.jobs.target import Job, Owner, Record, Target

ALL_POINTS = 1_000_000
"""More points than anybody logs of one metric: none is left out."""
LONGEST = 300
"""Longest message of a failure in the state, in characters."""


@dataclass(frozen=True)
class Plan:
    """A sweep whose inputs are all known."""

    name: str
    sweep: Sweep
    inputs: Inputs
    """Those of a run, with `${{search_space.NAME}}` in its command."""
    project: Path
    owner: Owner
    git: GitState

    def job(self, trial: Trial) -> Job:
        """The run of one point. Nothing of the sweep is in its digest: with this point, another has the same run."""
        job = job_of({**filled(self.inputs, trial.point), "run": trials.RUN}, self.project, self.owner)
        limit = self.sweep.limits.trial_timeout
        spec = replace(
            job.spec,
            timeout=job.spec.timeout if limit is None else limit,
            display_name=job.spec.display_name or f"{self.name}_{trial.number}",
        )
        return replace(job, spec=spec, trial=trial, git=self.git)

    @property
    def sample(self) -> Trial:
        """A trial like any other, for what all have in common."""
        return self.trial(0, sample_of(self.sweep))

    def trial(self, number: int, point: Point) -> Trial:
        """The trial with this number and point."""
        return Trial(self.name, number, point)


def sample_of(sweep: Sweep) -> Point:
    """A point of the search space, for checks that need one."""
    return {name: distribution.draw(0.0) for name, distribution in sweep.search_space}


def filled(inputs: Inputs, point: Point) -> Inputs:
    """The inputs of the run of one point: its values are in the command."""
    result = dict(inputs)
    for name in ("command", "arguments"):
        if isinstance(words := inputs.get(name), list):
            result[name] = [substitute(word, point) if isinstance(word, str) else word for word in words]
    definition = inputs.get("definition")
    if isinstance(definition, dict) and isinstance(text := definition.get("shell_command"), str):
        result["definition"] = {**definition, "shell_command": substitute(text, point)}
    return result


def inputs_at(inputs: Inputs, point: Point) -> dict[str, Any]:
    """The inputs of the run of one point, of those of a sweep."""
    return dict(filled({name: value for name, value in inputs.items() if name != "sweep"}, point))


@dataclass(frozen=True)
class KnownTrial:
    """A trial that was begun: what decides about the others, and what is kept in the state."""

    outcome: Outcome
    name: str
    """Name of its last attempt."""

    @property
    def number(self) -> int:
        """Its number in the sweep."""
        return self.outcome.number

    @property
    def status(self) -> Status:
        """The status of its last attempt."""
        return self.outcome.status

    @property
    def ended_early(self) -> bool:
        """Whether early termination ended it: then it is a result like others."""
        return bool(early_reason(self.outcome.failure))

    def has_result(self, *, repeat_failures: bool) -> bool:
        """Whether it need not be started or watched again. A failure is a result too, unless failures are repeated."""
        if not self.status.is_failure:
            return self.status is Status.COMPLETED
        return self.ended_early or not (repeat_failures or self.status is Status.CANCELED)

    def to_state(self) -> dict[str, Any]:
        """As it is kept in Pulumi's state and shown as an output."""
        outcome = self.outcome
        kept: dict[str, Any] = {
            "number": outcome.number,
            "name": self.name,
            "status": str(outcome.status),
            "arguments": dict(outcome.point),
            "metric": outcome.value,
        }
        if failure := outcome.failure:
            kept["failure"] = {"class": str(failure.failure_class), "message": failure.message[:LONGEST]}
        return kept


def from_state(kept: Mapping[str, Any]) -> KnownTrial:
    """What `to_state` wrote."""
    failure = kept.get("failure")
    value = kept.get("metric")
    outcome = Outcome(
        int(kept["number"]),
        dict(kept["arguments"]),
        Status(kept["status"]),
        None if value is None else to_number(value),
        Failure(FailureClass(failure["class"]), str(failure["message"])) if failure else None,
    )
    return KnownTrial(outcome, str(kept["name"]))


def read_whole(target: Target, records: Sequence[Record]) -> dict[str, Record]:
    """Name → the whole record of each of these, which are of a list: few requests for all that have completed.

    Why one failed is known to itself alone. One that is gone meanwhile is as it was.
    """
    completed = [record for record in records if record.status is Status.COMPLETED]
    whole: dict[str, Record] = {}
    with contextlib.suppress(TrainupError):  # then each is read by itself, and says so in its record where that fails
        whole = {record.name: record for record in target.measured(completed)}
    others = [record for record in records if record.name not in whole]
    return whole | {record.name: target.get(record.name) or record for record in others}


def known(target: Target, objective: Objective, trial: Trial, record: Record) -> KnownTrial:
    """A trial as its record has it."""
    value = value_of(target, objective, record) if record.status.is_terminal else None
    return KnownTrial(Outcome(trial.number, trial.point, record.status, value, record.failure), record.name)


def value_of(target: Target, objective: Objective, record: Record) -> float | None:
    """The best value of the objective's metric that a trial logged; None if it logged none."""
    name = objective.primary_metric
    if name not in record.metrics:
        return None
    is_lower = objective.goal is Goal.MINIMIZE
    if is_lower == bool(LOWER_IS_BETTER.search(name)) and name in record.best:
        return record.best[name]
    # The record's best value is that of the other direction.
    logged: Sequence[curves.Point] = ()
    with contextlib.suppress(TrainupError):  # then its last value counts, which the record has
        logged = target.curves([record], ALL_POINTS, [name]).get(record.name, {}).get(name, ())
    return best_value(objective, [*(value for _, value in logged), record.metrics[name]])


def plain_metrics(metrics: Mapping[str, float]) -> dict[str, Any]:
    """Metrics as JSON values."""
    return dict(to_plain(dict(metrics)))
