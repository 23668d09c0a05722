"""Waiting for roles: one that was just given counts only minutes later."""

import threading
from collections.abc import Callable, Collection
from typing import TypeVar

from trainup.jobs.azure.client import AzureClient, AzureError
from trainup.jobs.target import TargetError

TRIES = 20
"""With pauses of half a minute: Azure says that a role takes up to ten."""

Result = TypeVar("Result")


def patiently(
    client: AzureClient,
    action: Callable[[], Result],
    codes: Collection[str],
    what: str,
    progress: Callable[[str], None],
    stop: threading.Event,
) -> Result:
    """Do it; again and again while Azure refuses it with one of these codes, as it does until a role has arrived.

    TargetError when `stop` is set meanwhile.
    """
    for left in range(TRIES - 1, -1, -1):
        try:
            return action()
        except AzureError as error:
            if not left or error.code not in codes:
                raise
            progress(f"waiting for {what} ({error.code}); whoever lacks it can be given it meanwhile")
        if stop.wait(client.patience.longest_pause / 2):
            raise TargetError(f"waiting for {what} was interrupted, and nothing was started")
    raise AssertionError("there is at least one try")
