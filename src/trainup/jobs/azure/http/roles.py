"""Waits until a role assignment takes effect, which takes minutes after its creation."""

import threading
from collections.abc import Callable, Collection

from trainup.core.retry import Result, retry
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.target import TargetError

TRIES = 20
"""With pauses of 30 s they last ten minutes, the longest time that Azure documents for a role to take effect."""


def wait_for_role(
    client: AzureClient,
    action: Callable[[], Result],
    codes: Collection[str],
    what: str,
    progress: Callable[[str], None],
    stop: threading.Event,
) -> Result:
    """Repeat an action while Azure refuses it with one of these codes, since a new role may not be in effect yet.

    Raises TargetError if `stop` is set meanwhile, and the last AzureError if all tries fail.
    """

    def may_pass(error: Exception) -> bool:
        return isinstance(error, AzureError) and error.code in codes

    def tell(error: Exception) -> None:
        code = error.code if isinstance(error, AzureError) else error
        if isinstance(error, AzureError) and error.hint:
            progress(f"waiting, since this may pass ({code}). {error.hint}")
        else:
            progress(f"waiting for {what} to take effect ({code}); if it is missing, it can still be assigned now")

    def wait(seconds: float) -> None:
        if stop.wait(seconds):
            raise TargetError(f"waiting for {what} was interrupted, and nothing was started")

    pauses = [client.patience.longest_pause / 2] * (TRIES - 1)
    return retry(action, may_pass, pauses, wait=wait, before_again=tell)
