"""What the user sees of a sweep: the plan, its trials as they begin and end, and the report of a failure."""

from collections.abc import Iterable, Sequence

from trainup.core.git_state import GitState
from trainup.core.inputs import with_definition
from trainup.core.naming import id_of
from trainup.core.status import Status
from trainup.core.suggest import nearest
from trainup.core.sweeps.declaration import Algorithm, Sweep
from trainup.core.sweeps.outcomes import Point, commonest_cause
from trainup.core.sweeps.parsing import parse_sweep
from trainup.core.sweeps.sampling import planned
from trainup.core.trials import Trial, early_reason, tag_of
from trainup.core.values import has_unknown
from trainup.jobs import lifecycle
from trainup.jobs.sweeps.driving import Progress, Reports
from trainup.jobs.sweeps.recorded import begun
from trainup.jobs.sweeps.trials import KnownTrial, Plan
from trainup.jobs.target import Record, Target
from trainup.jobs.targets import target_of
from trainup.provider import planned_clusters
from trainup.provider.handler import Context, Properties
from trainup.provider.input_checks import run_owner
from trainup.provider.run_alarms import Alarm

TAIL_LINES = 20
MOST_READ = 10
"""Completed trials whose metrics are named where none has the one of the objective."""


def plan_notes(
    context: Context, inputs: Properties, former: Iterable[KnownTrial], *, repeat_failures: bool
) -> list[str]:
    """How many trials the sweep has, and how many of them have a result already, in this sweep or in another.

    `former` are its trials in the state; with `repeat_failures`, those that failed are begun again.
    """
    given = inputs.get("sweep")
    sweep = None if has_unknown(given) else parse_sweep(given)[0]
    if sweep is None:
        return []
    name, total = str(inputs.get("run")), sweep.total
    count = f"{total:,} trials" if total != 1 else "1 trial"
    text = f"{count} ({sweep.sampling.algorithm}), at most {sweep.concurrent:,} at a time"
    is_bayesian = sweep.sampling.algorithm is Algorithm.BAYESIAN
    chosen = "; the results decide which" if is_bayesian else ""
    run = {key: value for key, value in inputs.items() if key != "sweep"}
    nodes = planned_clusters.max_nodes(context, inputs.get("cluster"))
    if has_unknown({key: value for key, value in run.items() if key != "secrets"}):
        of_each = with_definition(inputs).get("nodes") or 1
        room = nodes // of_each if nodes and isinstance(of_each, int) else None
        return [text + _room_text(sweep, room) + chosen]
    plan = Plan(name, sweep, run, context.project, run_owner(context, inputs), GitState())
    target, job = target_of(inputs, context.project), plan.job(plan.sample)
    text += _room_text(sweep, nodes // job.spec.nodes if nodes else target.room(job)) + chosen
    if is_bayesian:
        return [text]
    # The trials that the sweep has already come first: with another search space, a random one draws fewer new points.
    points = [*begun(plan, target.owned(plan.owner)), *planned(sweep, [])]
    ids = list(dict.fromkeys(plan.job(plan.trial(number, point)).id for number, point in enumerate(points)))
    ids = ids[: sweep.total]
    results = {id_of(trial.name) for trial in former if trial.has_result(repeat_failures=repeat_failures)}
    done = len(target.trained(ids, tag_of(plan.owner.urn)) | results.intersection(ids))
    if not done:
        return [text]
    have, are = ("has" if done == 1 else "have"), ("is" if len(ids) - done == 1 else "are")
    return [f"{text}; {done:,} of them {have} a result already, {len(ids) - done:,} {are} new"]


def _room_text(sweep: Sweep, room: int | None) -> str:
    """What to add where the cluster has room for fewer trials than the sweep allows at a time; empty otherwise."""
    return f" (the cluster has room for {room:,})" if room and room < sweep.concurrent else ""


def reports(context: Context, plan: Plan, alarm: Alarm) -> Reports:
    """Shows the progress of a sweep: each trial as it begins and ends, and its slow phases."""
    told: set[str] = set()

    def listener(trial: Trial) -> lifecycle.Listener:
        def status(record: Record) -> None:
            if record.status is Status.RUNNING and record.name not in told:
                told.add(record.name)
                context.info(f"trial {trial.number} ({point_text(trial.point)}) runs as {record.name}")

        return lifecycle.Listener(status=status, look=alarm.look)

    def ended(trial: KnownTrial, is_best: bool, done: int) -> None:
        told.discard(trial.name)
        context.info(f"{_end(plan.sweep, trial, is_best)}; {done} of {plan.sweep.total} done")

    return Reports(listener, ended)


def _end(sweep: Sweep, trial: KnownTrial, is_best: bool) -> str:
    text = f"trial {trial.number} ({point_text(trial.outcome.point)}) {trial.status}"
    if reason := early_reason(trial.outcome.failure):
        return f"{text}, {reason}"
    if trial.outcome.failure:
        return f"{text}: {trial.outcome.failure.message} (trainup logs {trial.name})"
    if trial.outcome.value is not None:
        text += f"  {sweep.objective.primary_metric}={trial.outcome.value:.4g}"
    return f"{text}, the best so far" if is_best else text


def point_text(point: Point) -> str:
    """The values of a point: `lr=0.1, epochs=5`."""
    return ", ".join(f"{name}={value}" for name, value in point.items())


def drift(former: Sequence[KnownTrial], present: Sequence[KnownTrial]) -> list[str]:
    """What became of trials that had ended, a line for each."""
    now, told = {trial.number: trial for trial in present}, []
    for trial in former:
        text = f"trial {trial.number} ({point_text(trial.outcome.point)})"
        if trial.number not in now:
            told.append(f"the record of {text}, {trial.name}, is gone: the next `pulumi up` trains it again")
        elif now[trial.number].status is not trial.status:
            told.append(f"{text}, {trial.name}, was {trial.status} and is {now[trial.number].status}")
    return told


def failure(plan: Plan, target: Target, progress: Progress) -> str:
    """Why a sweep failed, with what its user needs to act."""
    name, trials, metric = plan.name, progress.begun, plan.sweep.objective.primary_metric
    completed = [trial for trial in trials if trial.status is Status.COMPLETED]
    if completed:
        logged = progress.logged or _logged(target, completed)
        return f"{name} has no best trial: {_no_metric(metric, len(completed), logged, trials)}"
    if progress.ran_out:
        limit = plan.sweep.limits.timeout or 0
        return (
            f"{name} TimedOut: no trial completed within its timeout of {limit:g} s: raise `limits.timeout`, or make "
            "the trials shorter"
        )
    parts = [f"{name} Failed: {commonest_cause(progress.outcomes) or 'no trial completed'}"]
    failed = next((trial for trial in trials if trial.status is Status.FAILED), None)
    if failed is not None:
        lines = target.log_tail(failed.name, TAIL_LINES)
        parts += [f"last lines of the log of trial {failed.number} (trainup logs {failed.name}):"]
        parts += [f"  {line}" for line in lines]
    return "\n".join(parts)


def _logged(target: Target, completed: Sequence[KnownTrial]) -> set[str]:
    """Names of the metrics of trials that an earlier `up` saw to their end; some of them tell enough."""
    records = [target.get(trial.name) for trial in completed[:MOST_READ]]
    return {name for record in records if record is not None for name in record.metrics}


def _no_metric(metric: str, completed: int, logged: set[str], trials: list[KnownTrial]) -> str:
    if any(trial.outcome.value is not None for trial in trials):
        return f"all values of {metric} are NaN or infinite"
    guess = nearest(metric, sorted(logged))
    logged_names = f"they logged {', '.join(sorted(logged))}" if logged else "they logged none"
    suggestion = f"; did you mean {guess}?" if guess else ""
    return (
        f"none of {completed} completed trials logged the metric {metric}, by which `objective` compares them; "
        f"{logged_names}{suggestion}"
    )
