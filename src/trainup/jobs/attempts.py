"""The attempts of runs among each other: which one is the last, and the number of the next."""

from collections.abc import Iterable

from trainup.jobs.target import Record


def latest(records: Iterable[Record]) -> list[Record]:
    """The last attempt of each run."""
    last: dict[str, Record] = {}
    for record in records:
        if record.id not in last or record.follows(last[record.id]):
            last[record.id] = record
    return [*last.values()]


def next_number(attempts: Iterable[Record]) -> int:
    """The number of the attempt after these, which are of one run."""
    return max((one.attempt for one in attempts), default=0) + 1
