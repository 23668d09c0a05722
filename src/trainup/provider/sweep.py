"""`trainup:index:Sweep`: the trials of a sweep, and the wait for their end; one resource, however many there are."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from trainup.core.choices import OnDelete, OnFailure, OnInterrupt
from trainup.core.errors import TrainupError
from trainup.core.inputs import COMPUTED, IDENTITY_INPUTS, Finding
from trainup.core.status import Status
from trainup.core.sweeps.parsing import parse_sweep
from trainup.core.trials import Trial
from trainup.core.values import has_unknown
from trainup.jobs import git
from trainup.jobs.attempts import latest
from trainup.jobs.sweeps.driving import Driver, Progress
from trainup.jobs.sweeps.recorded import release
from trainup.jobs.sweeps.results import OUTPUTS, best_of, outputs_of
from trainup.jobs.sweeps.trials import KnownTrial, Plan, from_state, known
from trainup.jobs.target import Owner, Record, Target, TargetError
from trainup.jobs.targets import target_of
from trainup.provider import sweep_checks, sweep_reports
from trainup.provider.handler import (
    Change,
    Context,
    Difference,
    InitFailed,
    Properties,
    ResourceError,
    State,
    compare,
    unknown_outputs,
)
from trainup.provider.input_checks import run_owner
from trainup.provider.run import REFUSALS, RunHandler
from trainup.provider.run_changes import LOCATION, compared, location_of, status_of
from trainup.provider.run_facts import RunFacts

ON_THE_RUN = frozenset({*IDENTITY_INPUTS, "manifest", "sweep"})
"""Inputs that decide about trials: other values are other trials."""


class SweepHandler:
    """Inputs: those of a run, and `sweep`, its declaration in Azure ML's words. Check adds what it adds for a run.

    A changed declaration is an update: trials that the sweep has already are not trained again, and those that it does
    not declare any more are given up. Outputs: `jobs/sweeps/results.py`.
    """

    def __init__(self) -> None:
        self._runs, self._facts = RunHandler(), RunFacts()

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        inputs = {name: value for name, value in inputs.items() if name not in COMPUTED}
        given = inputs.pop("sweep", None)
        if has_unknown(given):
            return {**inputs, "sweep": given}, []
        return sweep_checks.check(self._runs, context, inputs, given)

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        replaced = any(new.get(name) != old.get(name) for name in LOCATION)
        changes = compare(
            compared(old), compared(new), lambda name: Change.REPLACE if name in LOCATION else Change.UPDATE
        )
        if not replaced and _needs_attention(state.outputs, new):
            changes["status"] = Change.UPDATE
        if changes:
            differs = any(old.get(name) != new.get(name) for name in ON_THE_RUN - {"sweep"})
            self._facts.remember(context, state, old, replaced=differs)
        return Difference(changes, delete_first=replaced and not status_of(state.outputs).is_terminal)

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        trees = self._runs.tree_hashes(context)
        before = state.outputs if state else {}
        notes = partial(sweep_reports.plan_notes, context, inputs, _trials(before), repeat_failures=_has_failed(before))
        self._facts.preview(context, inputs, trees, notes)
        copied: Properties = {name: inputs[name] for name in ("workspace", "target") if name in inputs}
        old = (state.inputs or {}) if state else {}
        differs = any(old.get(name) != inputs.get(name) for name in ON_THE_RUN)
        if state and not differs and not _needs_attention(state.outputs, inputs):
            return {**state.outputs, **copied}
        return {**unknown_outputs(*OUTPUTS, "owner"), **copied}

    def create(self, context: Context, inputs: Properties) -> State:
        self._facts.start(context, inputs)
        return self._drive(context, inputs, run_owner(context, inputs), {})

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        owner = run_owner(context, inputs, state.outputs.get("owner"))
        return self._drive(context, inputs, owner, state.outputs, _objective(state.inputs))

    def read(self, context: Context, state: State) -> State | None:
        inputs = {**location_of(state), **(state.inputs or {})}
        target, owner = target_of(inputs, context.project), run_owner(context, inputs, state.outputs.get("owner"))
        former = _trials(state.outputs)
        try:
            records = {record.name: record for record in latest(target.owned(owner))}
            if former and not records:
                return None
            present = _as_recorded(target, inputs, former, records)
            now = {**state.outputs, "trials": [trial.to_state() for trial in present]}
            if _lost_best(state.outputs, records) and (sweep := parse_sweep(inputs.get("sweep"))[0]) is not None:
                now |= best_of(target, sweep.objective, present)  # what is gone is nobody's input any more
        except (TrainupError, OSError) as error:
            raise ResourceError(str(error)) from error
        if now["trials"] != state.outputs.get("trials") and status_of(now).is_terminal:
            now["status"] = str(Status.CANCELED)  # a trial was deleted or canceled elsewhere: drift, as for a run
            for text in sweep_reports.drift(former, present):
                context.note(f"{state.id}: {text}")
        refresh = not status_of(now).is_terminal
        if _needs_attention(now, inputs) and status_of(now) is not Status.CANCELED:
            raise InitFailed(state.id, now, [f"{state.id} is {now['status']}"], refresh=refresh)
        return State(state.id, now, state.inputs, refresh)

    def delete(self, context: Context, state: State) -> None:
        inputs = {**location_of(state), **(state.inputs or {})}
        on_delete = OnDelete(inputs.get("on_delete") or OnDelete.KEEP)
        owner = run_owner(context, inputs, state.outputs.get("owner"))
        try:
            target = target_of(inputs, context.project)
            mine = [record for record in target.owned(owner) if _is_released_by(record, owner, state)]
            release(target, mine, owner, on_delete)
        except TargetError as error:
            raise ResourceError(str(error)) from error

    def _drive(
        self, context: Context, inputs: Properties, owner: Owner, before: Properties, objective: Any = None
    ) -> State:
        """Begin the trials, or attach to them, and wait for their end. `objective` is that of the outputs `before`."""
        sweep, _ = parse_sweep(inputs["sweep"])
        assert sweep is not None, "check has found nothing"
        name = str(inputs["run"])
        run = {key: value for key, value in inputs.items() if key != "sweep"}
        plan = Plan(name, sweep, run, context.project, owner, git.state_of(context.project))
        target = target_of(inputs, context.project, context.info, context.canceled)
        alarm = self._runs.alarm(context, target, owner, inputs)
        driver = Driver(plan, target, sweep_reports.reports(context, plan, alarm), context.canceled)
        known_trials = _trials(before) if objective == _objective(inputs) else []  # the values are of it
        former = {trial.number: trial for trial in known_trials}
        try:
            self._runs.confirm_data(context, plan.job(plan.sample))
            self._runs.save(context)
            progress = driver.run(former, repeat_failures=_has_failed(before))
        except REFUSALS as error:
            progress = driver.progress
            if not progress.begun:
                raise ResourceError(f"{name} could not be started: {error}") from error
            reason = f"{name} is not finished; the next `pulumi up` attaches to the trials that run: {error}"
            now = self._outputs(target, plan, inputs, replace(progress, is_stopped=True))
            raise InitFailed(name, now, [reason], refresh=True) from error
        if progress.is_stopped and plan.job(plan.sample).spec.on_interrupt is OnInterrupt.CANCEL:
            driver.cancel_all("`pulumi up` was interrupted")
        return self._outcome(target, plan, inputs, progress)

    def _outcome(self, target: Target, plan: Plan, inputs: Properties, progress: Progress) -> State:
        now = self._outputs(target, plan, inputs, progress)
        status, refresh = Status(now["status"]), progress.is_stopped
        if not status.is_terminal:
            going = sum(not trial.status.is_terminal for trial in progress.begun)
            reason = f"{plan.name} is not finished, and {going} trials go on; the next `pulumi up` attaches to them"
            raise InitFailed(plan.name, now, [reason], refresh=True)
        if status.is_failure and inputs.get("on_failure") != OnFailure.KEEP:
            raise InitFailed(plan.name, now, [sweep_reports.failure(plan, target, progress)], refresh=refresh)
        return State(plan.name, now, inputs, refresh)

    def _outputs(self, target: Target, plan: Plan, inputs: Properties, progress: Progress) -> Properties:
        copied = {name: inputs[name] for name in ("workspace", "target")}
        return {**copied, **outputs_of(target, plan, progress), "owner": plan.owner.token}


def _as_recorded(
    target: Target, inputs: Properties, former: list[KnownTrial], records: dict[str, Record]
) -> list[KnownTrial]:
    """The trials of the state as the target has them now; those that are gone are left out."""
    sweep, _ = parse_sweep(inputs.get("sweep"))
    result = []
    for trial in former:
        record = records.get(trial.name)
        if record is not None and record.status is not trial.status and sweep is not None:
            full = target.get(record.name) or record
            trial = known(target, sweep.objective, Trial("", trial.number, trial.outcome.point), full)
        result += [trial] if record is not None else []
    return result


def _trials(outputs: Properties) -> list[KnownTrial]:
    """The trials in the outputs of a sweep."""
    return [from_state(kept) for kept in outputs.get("trials") or ()]


def _has_failed(outputs: Properties) -> bool:
    """Whether the sweep as a whole has failed: then the trials that failed are tried again."""
    return bool(outputs) and status_of(outputs) in (Status.FAILED, Status.TIMED_OUT)


def _lost_best(outputs: Properties, records: Mapping[str, Record]) -> bool:
    """Whether the best trial is not among the records any more."""
    best = outputs.get("best")
    return isinstance(best, dict) and best.get("name") not in records


def _objective(inputs: Properties | None) -> Any:
    """The declared objective: what the trials in the outputs were compared by."""
    declared = (inputs or {}).get("sweep")
    return declared.get("objective") if isinstance(declared, dict) else None


def _is_released_by(record: Record, owner: Owner, state: State) -> bool:
    """Whether a trial is this resource's: one that a later create of it has taken over has another token."""
    return "owner" not in state.outputs or any(other.token == owner.token for other in record.owners)


def _needs_attention(outputs: Properties, inputs: Properties) -> bool:
    """Whether an `up` with these inputs has to go on with the sweep."""
    status = status_of(outputs)
    if status in (Status.FAILED, Status.TIMED_OUT):
        return inputs.get("on_failure") != OnFailure.KEEP
    return status is not Status.COMPLETED
