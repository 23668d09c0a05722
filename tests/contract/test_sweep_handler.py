"""What the resource of a sweep does with its trials, on each target: without the engine, with real processes."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sweeps import points, run_all, sweep
from tests.support.swept import REPORT, Swept, swept_on
from tests.support.waiting import until
from trainup.core.targets import TARGETS
from trainup.jobs.target import Record, TargetError

# Every test starts real processes.
pytestmark = pytest.mark.slow


@pytest.fixture(params=TARGETS)
def swept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Swept]:
    with swept_on(request.param, tmp_path, monkeypatch) as made:
        yield made


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


def test_where_a_trial_cannot_be_ended_at_the_timeout_of_its_sweep_up_says_so_and_does_not_wait(
    swept: Swept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: object) -> None:
        raise TargetError("the service is away")

    inputs = swept.inputs("sleep 600", [0.1], {"limits": {"timeout": 1}})
    with monkeypatch.context() as patch:
        patch.setattr(type(swept.world.target()), "cancel", refuse)
        (reason,) = swept.up(inputs)
    assert reason == "rates is not finished; the next `pulumi up` attaches to the trials that run: the service is away"
    assert swept.outputs["status"] == "Running"


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
    now = next(one for one in swept.records if one.name == swept.outputs["trials"][1]["name"])
    best = swept.outputs["best"]
    assert (best["name"], best["arguments"], best["metric"]) == (now.name, {"rate": 0.2}, 0.2), (
        "of those that are there"
    )
    assert (swept.outputs["digest"], swept.outputs["outputs_uri"]) == (now.digest, best["outputs_uri"])
    assert swept.told[-1].startswith("rates: the record of trial 2 (rate=0.3), trial-")
    assert swept.told[-1].endswith(" is gone: the next `pulumi up` trains it again")
    assert swept.changes(inputs) == {"status"}
    assert swept.up(inputs) == []
    assert swept.outputs["best"]["arguments"] == {"rate": 0.3}
    assert swept.world.count("began") == 4


def test_a_trial_that_somebody_deleted_leaves_the_best_one_as_it_is(swept: Swept) -> None:
    assert swept.up(swept.inputs(REPORT, [0.1, 0.3])) == []
    before = {name: swept.outputs[name] for name in ("best", "digest", "outputs_uri")}
    swept.remove(next(one for one in swept.records if one.name != before["best"]["name"]))
    assert swept.refresh() == []
    assert {name: swept.outputs[name] for name in before} == before


def test_a_sweep_whose_completed_trials_somebody_deleted_has_no_best_one_until_the_next_up(swept: Swept) -> None:
    inputs = swept.inputs(f'test "$0" = 0.1 && exit 3; {REPORT}', [0.1, 0.3])
    assert swept.up(inputs) == []
    swept.remove(next(one for one in swept.records if one.name == swept.outputs["best"]["name"]))
    assert swept.refresh() == []
    assert (swept.outputs["best"], swept.outputs["digest"], swept.outputs["outputs_uri"]) == (None, "", "")
    assert swept.changes(inputs) == {"status"}


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


def test_the_preview_counts_failures_among_the_results_unless_they_are_tried_again(swept: Swept) -> None:
    text = f'test "$0" = 0.2 && exit 3; {REPORT}'
    for command, told in (
        (text, "2 of them have a result already, 1 is new"),  # 0.1 and the failure of 0.2
        (f"exit 4; {text}", "3 trials (grid), at most 3 at a time (the cluster has room for 2)"),
    ):
        swept.up(swept.inputs(command, [0.1, 0.2]))
        swept.told.clear()
        swept.handler.plan(swept.context, swept.inputs(command, [0.1, 0.2, 0.3]), swept.state)
        assert [one for one in swept.told if "at a time" in one and one.endswith(told)], swept.told


def test_the_preview_says_how_many_trials_the_cluster_has_room_for(swept: Swept) -> None:
    inputs = swept.inputs(REPORT, [0.1, 0.2, 0.3])
    swept.handler.plan(swept.context, inputs, None)
    assert any("3 trials (grid), at most 3 at a time (the cluster has room for 2)" in one for one in swept.told)
