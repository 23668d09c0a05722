"""Phases that took much longer than they did before."""

from collections.abc import Mapping, Sequence

import pytest

from trainup.core.slow_phases import SlowPhase, Usual, length, threshold

PULLS = [{"preparing": 40.0}, {"preparing": 38.0}, {"preparing": 45.0}, {"preparing": 40.0}, {"preparing": 41.0}]


def slow(
    phases: Mapping[str, float], earlier: Sequence[Mapping[str, float]], present: str | None = None, run: str = "pets"
) -> list[SlowPhase]:
    usual = Usual()
    for number, one in enumerate(earlier):
        usual.add("pets", f"pets-{number}", one)
    return usual.slow(run, "this", phases, present)


def test_what_all_runs_of_a_stack_share_is_compared_among_them() -> None:
    earlier = [{"queued": 1.0, "preparing": 40.0, "running": 10.0}] * 5
    told = slow({"queued": 400.0, "preparing": 360.0, "running": 400.0}, earlier, run="trial-7")
    assert [one.phase for one in told] == ["preparing"]
    assert [one.phase for one in slow({"queued": 400.0, "running": 400.0}, earlier)] == ["queued", "running"]


def test_an_attempt_is_not_compared_with_itself() -> None:
    usual = Usual()
    for number, seconds in enumerate((40.0, 40.0, 40.0, 360.0)):
        usual.add("pets", f"pets-{number}", {"preparing": seconds})
    (one,) = usual.slow("pets", "pets-3", {"preparing": 360.0})
    assert (one.usual, one.runs) == (40.0, 3)


def test_a_slow_phase_is_named_with_what_was_usual() -> None:
    (one,) = slow({"queued": 3.0, "preparing": 360.0, "running": 20.0}, PULLS)
    assert one.text == "preparation (image pull) took 6 m 0 s, was 40.0 s in the last 5 runs"


def test_a_phase_that_goes_on_is_named_before_it_ends() -> None:
    (one,) = slow({"preparing": 130.0}, PULLS, present="preparing")
    assert one.text == "preparation (image pull) takes longer than 2 m 10 s, was 40.0 s in the last 5 runs"


@pytest.mark.parametrize(
    ("why", "seconds", "earlier"),
    [
        ("two runs are too few", 600, [40, 40]),
        ("it is not three times as long", 110, [40, 40, 40]),
        ("nobody minds some seconds", 25, [1, 1, 1]),
        ("one run in four waits for a new node", 250, [0, 180, 0, 0, 180, 0]),
        ("it never took so little before", 1, [40, 40, 40]),
    ],
)
def test_no_alarm_where(why: str, seconds: float, earlier: list[float]) -> None:
    assert slow({"queued": seconds}, [{"queued": one} for one in earlier]) == [], why


def test_one_odd_run_before_does_not_hide_a_slow_one() -> None:
    earlier = [{"preparing": seconds} for seconds in (40.0, 4000.0, 40.0, 40.0, 40.0)]
    assert [one.phase for one in slow({"preparing": 360.0}, earlier)] == ["preparing"]


def test_what_was_usual_long_ago_does_not_count() -> None:
    earlier = [{"preparing": 1.0}] * 20 + [{"preparing": 300.0}] * 10
    assert threshold([one["preparing"] for one in earlier[-10:]]) == 900.0
    assert slow({"preparing": 350.0}, earlier) == []


@pytest.mark.parametrize(("seconds", "text"), [(4.04, "4.0 s"), (200, "3 m 20 s"), (7260, "2 h 1 m")])
def test_a_length_is_easy_to_read(seconds: float, text: str) -> None:
    assert length(seconds) == text
