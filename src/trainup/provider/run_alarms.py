"""Names phases that take much longer than they did for this stack before, while a run is watched."""

import threading
from collections.abc import Callable, Hashable

from trainup.core import slow_phases
from trainup.core.slow_phases import Usual
from trainup.core.status import PHASES, Status
from trainup.jobs.target import Owner, Record, StackUrns, Target

MOST = 200
"""Earlier attempts that are looked at."""


class EarlierRuns:
    """How long phases usually take, by stack; read once in an operation, however many runs it watches."""

    def __init__(self) -> None:
        self._by_stack: dict[Hashable, Usual] = {}
        self._lock = threading.Lock()

    def of(self, key: Hashable, read: Callable[[], Usual]) -> Usual:
        """What is known of a stack in a workspace, which `key` names."""
        with self._lock:
            if key not in self._by_stack:
                self._by_stack[key] = read()
            return self._by_stack[key]


class Alarm:
    """Tells each slow phase of a run once: as soon as it takes too long, or when it has ended."""

    def __init__(self, tell: Callable[[str], None], usual: Callable[[], Usual]) -> None:
        """`usual` is called only where a phase takes long."""
        self._tell, self._usual = tell, usual
        self._told: set[tuple[str, str]] = set()

    def look(self, record: Record, seconds: float) -> None:
        """Judge a run that has been in its present status for so many seconds."""
        present = None if record.status.is_terminal else PHASES[record.status]
        phases = {**record.phases, **({present: max(seconds, record.phases.get(present, 0.0))} if present else {})}
        late = {phase: spent for phase, spent in phases.items() if spent > slow_phases.SECONDS}
        late = {phase: spent for phase, spent in late.items() if (record.name, phase) not in self._told}
        if not late:
            return
        for one in self._usual().slow(record.run, record.name, late, present):
            self._told.add((record.name, one.phase))
            self._tell(f"{record.name}: {one.text}")


def usual_phases(target: Target, owner: Owner, run: str) -> Usual:
    """How long the phases of the last completed runs took, in the stack of the owner of this run."""
    usual = Usual()
    stack, project = owner.urn.split("::")[:2]
    known = StackUrns(stack.removeprefix("urn:pulumi:"), project, owner.project, {run: owner.urn})
    for one in target.history(known, newest=MOST)[0]:
        if one.status is Status.COMPLETED:
            usual.add(one.run, one.name, one.phases)
    return usual
