"""What may pass by itself is tried again; what may not is raised at once."""

from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from trainup.core import retry


def may_pass(error: Exception) -> bool:
    return isinstance(error, ConnectionError)


def failing(*errors: Exception) -> Callable[[], int]:
    """An action that fails in these ways, and then returns how often it was tried."""
    left: Iterator[Exception] = iter(errors)

    def action() -> int:
        for error in left:
            raise error
        return len(errors) + 1

    return action


def test_the_first_success_is_the_result() -> None:
    waits: list[float] = []
    assert retry.retry(failing(), may_pass, [1, 2], wait=waits.append) == 1
    assert retry.retry(failing(ConnectionError()), may_pass, [1, 2], wait=waits.append) == 2
    assert waits == [1]


def test_the_error_of_the_last_try_is_raised() -> None:
    waits: list[float] = []
    with pytest.raises(ConnectionError, match="third"):
        retry.retry(
            failing(ConnectionError("first"), ConnectionError("second"), ConnectionError("third")),
            may_pass,
            [1, 2],
            wait=waits.append,
        )
    assert waits == [1, 2]


def test_an_error_that_does_not_pass_is_raised_at_once() -> None:
    waits: list[float] = []
    with pytest.raises(PermissionError):
        retry.retry(failing(PermissionError()), may_pass, [1, 2], wait=waits.append)
    assert waits == []


def test_each_error_is_heard_of_before_the_pause() -> None:
    events: list[object] = []
    first = ConnectionError("first")
    assert retry.retry(failing(first), may_pass, [1], wait=events.append, before_again=events.append) == 2
    assert events == [first, 1]


def test_whoever_waits_may_give_up() -> None:
    def wait(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retry.retry(failing(ConnectionError()), may_pass, [1], wait=wait)


def test_a_deadline_is_counted_from_the_first_try(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(retry.time, "monotonic", lambda: now[0])
    pauses = retry.until_deadline(10, 0.5)
    now[0] = 500.0
    assert list(islice(pauses, 3)) == [0.5, 0.5, 0.5]
    now[0] = 510.0
    assert list(pauses) == []
