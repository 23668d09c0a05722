"""Names phases that take much longer than they did for this stack before, while a run is watched."""

from collections.abc import Callable, Mapping, Sequence

from trainup.core import slow_phases
from trainup.core.status import PHASES, Status
from trainup.jobs.target import Record, StackUrns, Target

Earlier = Callable[[], Sequence[Mapping[str, float]]]
"""Reads the phases of earlier runs, oldest first; called once for a run, and only where a phase takes long."""


class Alarm:
    """Tells each slow phase of a run once: as soon as it takes too long, or when it has ended."""

    def __init__(self, tell: Callable[[str], None], earlier: Earlier) -> None:
        self._tell, self._read = tell, earlier
        self._earlier: Sequence[Mapping[str, float]] | None = None
        self._told: set[tuple[str, str]] = set()

    def look(self, record: Record, seconds: float) -> None:
        """Judge a run that has been in its present status for so many seconds."""
        present = None if record.status.is_terminal else PHASES[record.status]
        phases = {**record.phases, **({present: max(seconds, record.phases.get(present, 0.0))} if present else {})}
        late = {phase: spent for phase, spent in phases.items() if spent > slow_phases.SECONDS}
        late = {phase: spent for phase, spent in late.items() if (record.name, phase) not in self._told}
        if not late:
            return
        if self._earlier is None:
            self._earlier = self._read()
        for one in slow_phases.slow(late, self._earlier, present):
            self._told.add((record.name, one.phase))
            self._tell(f"{record.name}: {one.text}")


def earlier_phases(target: Target, record: Record) -> list[Mapping[str, float]]:
    """The phases of the runs of this name that the stack completed before, oldest first."""
    urns = [owner.urn for owner in record.owners]
    if not urns:
        return []
    stack, project = urns[0].split("::")[:2]
    owner = record.owners[0]
    known = StackUrns(stack.removeprefix("urn:pulumi:"), project, owner.project, {record.run: owner.urn})
    records, _ = target.history(known, f"{record.run}-")
    mine = (one for one in records if one.run == record.run and one.name != record.name)
    return [one.phases for one in mine if one.status is Status.COMPLETED]
