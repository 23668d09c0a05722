"""How long a job took in each phase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.status import Status
from trainup.jobs.azure.job.phases import Times, Watched, seconds_of
from trainup.jobs.azure.job.statuses import STATUSES, status_of

Q, P, R, F, C = Status.QUEUED, Status.PREPARING, Status.RUNNING, Status.FINALIZING, Status.COMPLETED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-25T00:00:00Z", 1795564800.0),
        ("2026-11-25T00:00:00.1234567Z", 1795564800.123456),
        ("2026-11-25T00:00:00.5+00:00", 1795564800.5),
        ("2026-11-25T02:00:00.1234567+02:00", 1795564800.123456),
        ("2026-11-24T19:00:00-05:00", 1795564800.0),
        ("2026-11-25T00:00:00", 1795564800.0),
        ("", None),
        (None, None),
        ("soon", None),
    ],
)
def test_times_are_read_as_azure_writes_them(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


def test_a_watched_run_has_all_its_phases() -> None:
    watched, times = Watched(), Times(0, None, None)
    for now, status in ((1, Q), (60, P), (90, R), (190, F)):
        watched.look(status, times, now)
    assert watched.look(C, Times(0, 90, 195), 200) == {"queued": 60, "preparing": 30, "running": 100, "finalizing": 5}


def test_whoever_comes_late_knows_what_the_service_tells() -> None:
    watched = Watched()
    watched.look(R, Times(0, 90, None), 120)
    assert watched.look(C, Times(0, 90, 190), 200) == {"queued": 90, "running": 100}


@pytest.mark.parametrize("seen", [Q, P])
def test_a_run_that_starts_and_ends_between_two_looks_has_run(seen: Status) -> None:
    watched = Watched()
    watched.look(seen, Times(0, None, None), 10)
    before = "queued" if seen is Q else "preparing"
    assert watched.look(C, Times(0, 12, 30), 40) == {before: 12, "running": 18}


def test_nobody_watched_a_run_that_had_ended() -> None:
    times = Times(0, 90, 190)
    assert Watched().look(C, times, 200) == {}
    assert times.phases(C, 500) == {"queued": 90, "running": 100}


def test_a_preempted_run_waits_twice() -> None:
    watched, times = Watched(), Times(0, None, None)
    for now, status in ((0, Q), (10, R), (30, Q), (50, R)):
        watched.look(status, times, now)
    assert watched.look(C, Times(0, 50, 100), 100) == {"queued": 30, "running": 70}


@given(st.lists(st.tuples(st.floats(0, 1000), st.sampled_from([Q, P, R, F])), max_size=8))
def test_phases_are_never_negative(looks: list[tuple[float, Status]]) -> None:
    watched = Watched()
    for now, status in looks:
        watched.look(status, Times(500, 700, None), now)
    assert all(value >= 0 for value in watched.phases.values())


def test_every_word_of_azure_ml_is_known() -> None:
    words = ["NotStarted", "Starting", "Provisioning", "Preparing", "Queued", "Running", "Finalizing"]
    words += ["CancelRequested", "Completed", "Failed", "Canceled", "NotResponding", "Paused"]
    assert set(words) == set(STATUSES)
    assert not status_of("Unknown").is_terminal
    assert status_of("Paused").is_failure
