"""Retries an action whose failure may be temporary.

Requests to Azure are retried by its SDK's own policies, which also obey `Retry-After`; this is for everything else.
tenacity and stamina are packages, which set-up does not have yet; nor can a pause of stamina be ended early.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Result = TypeVar("Result")


def retry(
    action: Callable[[], Result],
    may_pass: Callable[[Exception], bool],
    pauses: Iterable[float],
    *,
    wait: Callable[[float], object] = time.sleep,
    before_again: Callable[[Exception], object] = lambda error: None,
) -> Result:
    """The result of the first try that succeeds.

    `pauses` has the seconds before each further try, and so limits their number. Raises an error that is not temporary
    (`may_pass` is false), and the error of the last try. `wait` may raise to give up; `before_again` is called with
    each temporary error.
    """
    for pause in pauses:
        try:
            return action()
        except Exception as error:
            if not may_pass(error):
                raise
            before_again(error)
        wait(pause)
    return action()


def until_deadline(seconds: float, pause: float) -> Iterator[float]:
    """The same pause repeatedly, until `seconds` have passed since the first try."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield pause
