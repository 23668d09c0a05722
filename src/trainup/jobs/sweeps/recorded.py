"""Which trials of a sweep the target has recorded, and the end of those that it does not declare any more."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from trainup.core.choices import OnDelete
from trainup.core.sweeps import sampling
from trainup.core.sweeps.outcomes import Point
from trainup.core.trials import Trial, tag_of
from trainup.jobs.sweeps.trials import Plan
from trainup.jobs.target import Owner, Record, Target

REMOVALS_AT_ONCE = 8


def declared(plan: Plan, records: Iterable[Record]) -> tuple[list[tuple[Trial, Record]], list[Record]]:
    """(the trials that the sweep declares, by number, and their records; the records of those that it does not)."""
    tag, mine, others = tag_of(plan.owner.urn), dict[int, tuple[Trial, Record]](), list[Record]()
    for record in records:
        trial = record.trials.get(tag)
        if trial is None or trial.number in mine or not _is_declared(plan, trial, record):
            others.append(record)
        else:
            mine[trial.number] = plan.trial(trial.number, trial.point), record
    kept = [mine[number] for number in sorted(mine)]
    return kept[: plan.sweep.total], others + [record for _, record in kept[plan.sweep.total :]]


def _is_declared(plan: Plan, trial: Trial, record: Record) -> bool:
    """Whether the sweep has this point, and this is its run: with other code it would be another."""
    return sampling.is_in(plan.sweep, trial.point) and plan.job(trial).id == record.id


def begun(plan: Plan, records: Iterable[Record]) -> list[Point]:
    """The points of these records that the sweep declares, in the order of their numbers."""
    tag = tag_of(plan.owner.urn)
    trials = {record.trials[tag].number: (record.trials[tag], record) for record in records if tag in record.trials}
    return [trial.point for _, (trial, record) in sorted(trials.items()) if _is_declared(plan, trial, record)]


def release(target: Target, records: Iterable[Record], owner: Owner, on_delete: OnDelete) -> None:
    """Give trials up; those that nobody else owns are canceled, and kept or deleted. Raises the first error."""
    owners = {
        record.id: own for record in records for own in record.owners if own.is_same_resource(owner)
    }  # the token of an `up` that was killed is another
    with ThreadPoolExecutor(REMOVALS_AT_ONCE, "release") as pool:
        for done in [pool.submit(target.release, run_id, own, on_delete) for run_id, own in owners.items()]:
            done.result()
