"""Waiting for roles: one that was just given counts only minutes later."""

import threading
from collections.abc import Callable, Collection

from trainup.core.retry import Result, retry
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.target import TargetError

TRIES = 20
"""With pauses of half a minute: Azure says that a role takes up to ten."""


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

    def may_pass(error: Exception) -> bool:
        return isinstance(error, AzureError) and error.code in codes

    def tell(error: Exception) -> None:
        code = error.code if isinstance(error, AzureError) else error
        progress(f"waiting for {what} ({code}); whoever lacks it can be given it meanwhile")

    def wait(seconds: float) -> None:
        if stop.wait(seconds):
            raise TargetError(f"waiting for {what} was interrupted, and nothing was started")

    pauses = [client.patience.longest_pause / 2] * (TRIES - 1)
    return retry(action, may_pass, pauses, wait=wait, before_again=tell)
