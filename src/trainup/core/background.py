"""Begins what takes long, while the caller does something else."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def begin(action: Callable[[], Result]) -> "Future[Result]":
    """Carry out an action in a thread of its own; the future gets its result or its error.

    Nobody has to wait for it: unlike the threads of a pool, this one ends with the process.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(action())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
