"""The resource of a sweep of shell commands on a target, without the engine."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.sweeps import declaration
from tests.support.worlds import WORLDS, World
from trainup.core.choices import OnDelete
from trainup.jobs.target import Owner, Record
from trainup.provider.handler import Context, InitFailed, State
from trainup.provider.sweep import SweepHandler
from trainup.simulator.cloud.journal import Journal

URN = "urn:pulumi:dev::trainup::trainup:index:TrainingSweep$trainup:index:Sweep::{}-job"
LOWER = {"primary_metric": "accuracy", "goal": "minimize"}
REPORT = """printf '{"accuracy": %s}' "$0" > "$TRAINUP_OUTPUT_DIR/metrics.json" """


class Requests:
    """Counts the requests that the simulated Azure gets."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._seen = journal, 0

    def since(self) -> Counter[str]:
        """Those since it was asked last, by method and what they are about."""
        entries = self._journal.entries
        new, self._seen = entries[self._seen :], len(entries)
        return Counter(f"{entry.method} {self._about(entry.path)}" for entry in new)

    @staticmethod
    def _about(path: str) -> str:
        if match := re.search(r"/jobs(/trial)?", path.partition("/workspaces/")[2]):
            return match[0]
        return path.rpartition("/")[2]


@dataclass
class Swept:
    """The resource of a sweep of shell commands, and what its user is told."""

    world: World
    name: str = "rates"
    handler: SweepHandler = field(default_factory=SweepHandler)
    state: State | None = None
    told: list[str] = field(default_factory=list)
    canceled: threading.Event = field(default_factory=threading.Event)

    @property
    def context(self) -> Context:
        tell = self.told.append
        return Context(URN.format(self.name), self.world.project, self.canceled, info=tell, note=tell, warn=tell)

    def inputs(self, text: str, rates: list[float], sweep: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The checked inputs of a sweep over rates, which a shell command gets as `$0`."""
        declared = declaration(**{"search_space": {"rate": rates}, **(sweep or {})})
        command = ["bash", "-c", f"echo began >> {self.world.project}/began; {text}", "${{search_space.rate}}"]
        given = {**self.world.inputs("", self.name), "command": command, "sweep": declared, **more}
        checked, findings = self.handler.check(self.context, given)
        assert findings == []
        return checked

    def up(self, inputs: dict[str, Any]) -> list[str]:
        """Create or update the resource; returns why it is not as declared, if it is not."""
        self.told.clear()
        try:
            self.state = (
                self.handler.update(self.context, self.state, inputs)
                if self.state
                else self.handler.create(self.context, inputs)
            )
        except InitFailed as error:
            self.state = State(error.id, error.outputs, inputs, error.refresh)
            return error.reasons
        return []

    def refresh(self) -> list[str]:
        """Read the resource; returns why it is not as declared, if it is not."""
        assert self.state
        try:
            self.state = self.handler.read(self.context, self.state)
        except InitFailed as error:
            self.state = State(error.id, error.outputs, self.state.inputs, error.refresh)
            return error.reasons
        return []

    def changes(self, inputs: dict[str, Any]) -> set[str]:
        assert self.state
        return set(self.handler.diff(self.context, self.state, self.state.inputs or {}, inputs).changes)

    @property
    def outputs(self) -> dict[str, Any]:
        assert self.state
        return self.state.outputs

    @property
    def statuses(self) -> list[str]:
        return [one["status"] for one in self.outputs["trials"]]

    @property
    def records(self) -> list[Record]:
        return self.world.target().owned(Owner(URN.format(self.name), "", self.context_project))

    @property
    def context_project(self) -> str:
        return str(self.world.project) if self.world.cloud is None else ""

    def remove(self, record: Record) -> None:
        """Delete what the target has of a trial, as somebody else may."""
        self.world.target().release(record.id, record.owners[0], OnDelete.DELETE)


@contextmanager
def swept_on(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Swept]:
    """A sweep on a cluster of two nodes; what still runs at the end is canceled."""
    with WORLDS[target](tmp_path, monkeypatch, 2) as world:
        made = Swept(world)
        yield made
        made.canceled.set()
        for record in made.records:
            world.target().cancel(record.name, "the test is over")
