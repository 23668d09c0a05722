"""Doing again what failed for a reason that may pass by itself.

Requests to Azure are repeated by its SDK's own policies, which also obey `Retry-After`; this is for everything else.
tenacity and stamina do the same as packages, and set-up has none yet; nor does stamina let go of a pause early.
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

    `pauses` has the seconds before each further try, and so how many there are. An error that may not pass by itself,
    or that of the last try, is raised. `wait` may raise to give up; `before_again` hears of each error that may pass.
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
    """The same pause again and again for so many seconds, which begin with the first try."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield pause
