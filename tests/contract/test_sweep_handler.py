"""What the resource of a sweep does with its trials, on each target: without the engine, with real processes."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.sweeps import declaration, points, run_all, sweep
from tests.support.waiting import until
from tests.support.worlds import WORLDS, World
from trainup.core import slow_phases
from trainup.core.choices import OnDelete
from trainup.core.targets import TARGETS
from trainup.jobs.azure.job import labels
from trainup.jobs.azure.job.jobs import Jobs
from trainup.jobs.azure.target import AzureTarget
from trainup.jobs.target import Owner, Record
from trainup.provider.handler import Context, InitFailed, State
from trainup.provider.sweep import SweepHandler
from trainup.simulator.cloud.clock import Latency
from trainup.simulator.cloud.journal import Journal

# Every test starts real processes.
pytestmark = pytest.mark.slow

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


@pytest.fixture(params=TARGETS)
def swept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Swept]:
    with swept_on(request.param, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def on_azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Swept]:
    with swept_on("azure", tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def swept_on(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Swept]:
    """A sweep on a cluster of two nodes; what still runs at the end is canceled."""
    with WORLDS[target](tmp_path, monkeypatch, 2) as world:
        made = Swept(world)
        yield made
        made.canceled.set()
        for record in made.records:
            world.target().cancel(record.name, "the test is over")


def test_a_sweep_whose_trials_all_fail_names_the_commonest_cause_and_the_next_up_tries_them_again(swept: Swept) -> None:
    inputs = swept.inputs('test "$0" = 0.3 && exit 5; echo "no such file: x$0"; exit 3', [0.1, 0.2, 0.3])
    (reason,) = swept.up(inputs)
    assert reason.startswith("rates Failed: none of 3 trials completed, 2 of them for this reason: "), reason
    assert "code 3" in reason.splitlines()[0], reason
    assert any("no such file: x0." in line for line in reason.splitlines()), reason
    assert swept.statuses == ["Failed"] * 3
    assert swept.changes(inputs) == {"status"}
    assert swept.world.count("began") == 3
    assert swept.up(inputs) != []
    assert swept.world.count("began") == 6
    assert all(one["name"].endswith("-a2") for one in swept.outputs["trials"])


def test_failures_are_results_where_the_sweep_keeps_them(swept: Swept) -> None:
    inputs = swept.inputs("exit 3", [0.1, 0.2], on_failure="keep")
    assert swept.up(inputs) == []
    assert (swept.outputs["status"], swept.outputs["best"]) == ("Failed", None)
    assert swept.changes(inputs) == set()
    assert swept.refresh() == []
    assert swept.changes(inputs) == set()


def test_a_trial_is_tried_again_as_often_as_retries_allows(swept: Swept) -> None:
    once = f'if mkdir {swept.world.project}/"tried-$0"; then exit 3; fi; {REPORT}'
    assert swept.up(swept.inputs(once, [0.1, 0.2], retries=1)) == []
    assert swept.statuses == ["Completed", "Completed"]
    assert all(one["name"].endswith("-a2") for one in swept.outputs["trials"])
    assert swept.world.count("began") == 4


def test_an_objective_that_no_trial_reports_is_named_beside_what_they_logged_and_a_right_one_trains_nothing(
    swept: Swept,
) -> None:
    wrong = {"objective": {"primary_metric": "acuracy", "goal": "maximize"}}
    inputs = swept.inputs(REPORT, [0.1, 0.2], wrong)
    for _ in range(2):  # the second `up` finds the trials in the state, and says the same
        (reason,) = swept.up(inputs)
        assert reason == (
            "rates has no best trial: none of 2 completed trials logged the metric acuracy, by which `objective` "
            "compares them; they logged accuracy; did you mean accuracy?"
        )
    assert swept.up(swept.inputs(REPORT, [0.1, 0.2])) == []
    assert (swept.outputs["best"]["arguments"], swept.outputs["best"]["metric"]) == ({"rate": 0.2}, 0.2)
    minimized = swept.inputs(REPORT, [0.1, 0.2], {"objective": {"primary_metric": "accuracy", "goal": "minimize"}})
    assert swept.up(minimized) == []
    assert (swept.outputs["best"]["arguments"], swept.outputs["best"]["metric"]) == ({"rate": 0.1}, 0.1)
    assert swept.world.count("began") == 2


def test_the_timeout_of_a_sweep_ends_the_trials_that_run_and_starts_no_more(swept: Swept) -> None:
    text = f'test "$0" = 0.1 && {{ {REPORT}; exit 0; }}; sleep 600'
    limits = {"max_concurrent_trials": 1, "timeout": 5}
    assert swept.up(swept.inputs(text, [0.1, 0.2, 0.3, 0.4], {"limits": limits})) == [], swept.told
    assert swept.outputs["status"] == "Completed"
    assert swept.outputs["best"]["arguments"] == {"rate": 0.1}
    assert swept.statuses == ["Completed", "Canceled"]
    assert "the sweep used up its timeout of 5 s" in swept.outputs["trials"][1]["failure"]["message"]
    assert not any(record.status.is_terminal is False for record in swept.records)


def test_a_sweep_that_ran_out_of_time_without_a_result_says_so(swept: Swept) -> None:
    limits = {"max_concurrent_trials": 2, "timeout": 1}
    (reason,) = swept.up(swept.inputs("sleep 600", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], {"limits": limits}))
    assert reason.startswith("rates TimedOut: no trial completed within its timeout of 1 s: raise `limits.timeout`")
    assert swept.outputs["status"] == "TimedOut"


def test_a_trial_that_somebody_deleted_is_drift_and_the_next_up_trains_it_alone(swept: Swept) -> None:
    inputs = swept.inputs(REPORT, [0.1, 0.2, 0.3])
    assert swept.up(inputs) == []
    swept.remove(next(one for one in swept.records if one.name == swept.outputs["best"]["name"]))
    assert swept.refresh() == []
    assert swept.outputs["status"] == "Canceled"
    assert [one["number"] for one in swept.outputs["trials"]] == [0, 1]
    assert swept.told[-1].startswith("rates: the record of trial 2 (rate=0.3), trial-")
    assert swept.told[-1].endswith(" is gone: the next `pulumi up` trains it again")
    assert swept.changes(inputs) == {"status"}
    assert swept.up(inputs) == []
    assert swept.outputs["best"]["arguments"] == {"rate": 0.3}
    assert swept.world.count("began") == 4


def test_a_trial_that_somebody_canceled_is_drift_and_the_next_up_trains_it_again(swept: Swept) -> None:
    inputs = swept.inputs(f"test -e {swept.world.project}/open || sleep 600; {REPORT}", [0.1, 0.2])
    waiting = threading.Thread(target=swept.up, args=(inputs,))
    waiting.start()
    until(lambda: swept.world.count("began") == 2)
    (swept.world.project / "open").touch()
    victim = next(one for one in swept.records if '"rate":0.1' in json.dumps(trial_of(one), separators=(",", ":")))
    swept.world.target().cancel(victim.name, "somebody did")
    for record in swept.records:
        if record.name != victim.name:
            swept.world.target().cancel(record.name, "somebody did")
    waiting.join()
    assert swept.statuses == ["Canceled", "Canceled"]
    assert swept.changes(inputs) == {"status"}
    assert swept.up(inputs) == []
    assert swept.statuses == ["Completed", "Completed"]


def trial_of(record: Record) -> dict[str, Any]:
    (trial,) = record.trials.values()
    return dict(trial.point)


def test_azure_is_asked_once_for_all_trials_and_not_for_each(on_azure: Swept) -> None:
    swept = on_azure
    assert swept.world.cloud
    asked = Requests(swept.world.cloud.azure.journal)
    inputs = swept.inputs(REPORT, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert swept.up(inputs) == []
    created = asked.since()
    assert created["GET /jobs"] == 1 + 6, "one for the sweep, and one for the attempts of each trial before it begins"
    assert created["PUT /jobs/trial"] == 6 + 6, "the job, and the phases of its end"
    assert created["GET std_log.txt"] == 0, "nobody reads the logs of trials that complete"
    assert swept.refresh() == []
    assert asked.since() == {"GET /jobs": 1}

    # Another objective: the values of all trials are read anew, and none by itself but for its curve.
    assert swept.up(swept.inputs(REPORT, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], {"objective": LOWER})) == []
    judged = asked.since()
    assert swept.outputs["best"]["arguments"] == {"rate": 0.1}
    assert judged["GET /jobs"] == 1
    assert judged["GET /jobs/trial"] <= 1, "that of the best"
    assert judged["GET details"] <= 1
    assert judged["PUT /jobs/trial"] == 0


def test_bayesian_sampling_finds_the_same_points_on_every_target_however_fast_its_trials_are(swept: Swept) -> None:
    declared = {
        "sampling_algorithm": {"type": "bayesian", "seed": 5},
        "search_space": {"rate": {"type": "uniform", "min_value": 0, "max_value": 1}},
        "limits": {"max_total_trials": 7, "max_concurrent_trials": 2},
    }
    inputs = swept.inputs(f"sleep 0.$(( RANDOM % 5 )); {REPORT}", [], declared)
    swept.handler.plan(swept.context, inputs, None)
    assert "7 trials (bayesian), at most 2 at a time; the results decide which" in swept.told
    assert swept.up(inputs) == []
    alone = points(run_all(sweep(**declared), value=lambda point: float(point["rate"])))
    assert [one["arguments"] for one in swept.outputs["trials"]] == alone
    assert swept.outputs["best"]["arguments"] == max(alone, key=lambda point: float(point["rate"]))
    assert swept.up(inputs) == []
    assert swept.world.count("began") == 7


def test_a_trial_whose_image_takes_longer_to_come_than_before_is_named(
    on_azure: Swept, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = on_azure
    assert swept.world.cloud
    azure = swept.world.cloud.azure
    assert swept.up(swept.inputs(REPORT, [0.1, 0.2, 0.3])) == []
    assert not any("was" in line and "in the last" in line for line in swept.told)
    monkeypatch.setattr(slow_phases, "SECONDS", 1.0)
    target = swept.world.target()
    assert isinstance(target, AzureTarget)
    for record in swept.records:
        Jobs(target.workspace, 0.01).tag(record.name, {labels.PHASES: labels.write({"preparing": 0.3})})
    azure.clock.scale, azure.latency = 1.0, Latency(start=3)
    swept.handler = SweepHandler()  # as the next `up` has it
    assert swept.up(swept.inputs(REPORT, [0.1, 0.2, 0.3, 0.4])) == []
    name = swept.outputs["trials"][3]["name"]
    (told,) = [line for line in swept.told if "in the last" in line]
    assert told.startswith(f"{name}: preparation (image pull) takes longer than ")
    assert told.endswith(", was 0.3 s in the last 3 runs")


def test_the_preview_says_how_many_trials_the_cluster_has_room_for(swept: Swept) -> None:
    inputs = swept.inputs(REPORT, [0.1, 0.2, 0.3])
    swept.handler.plan(swept.context, inputs, None)
    assert any("3 trials (grid), at most 3 at a time (the cluster has room for 2)" in one for one in swept.told)
