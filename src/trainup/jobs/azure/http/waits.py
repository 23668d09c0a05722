"""Waits for what Azure does only after a while: roles take effect, clusters get ready, reads follow writes."""

import threading
from collections.abc import Callable

from trainup.core.retry import Result, retry
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.target import TargetError

ROLE_SECONDS = 900.0
"""Longest time for a new role assignment to take effect. Azure documents ten minutes, and users report fifteen."""
READY_SECONDS = 900.0
"""Longest time for a cluster to be created or changed."""
NEW_SECONDS = 60.0
"""Time for which a new resource may not be found: Azure ML's reads can lag behind its writes."""
LONGEST_PAUSE = 30.0
LEAST_TRIES = 12


def wait_while(
    client: AzureClient,
    action: Callable[[], Result],
    may_pass: Callable[[AzureError], bool],
    seconds: float,
    what: str,
    progress: Callable[[str], None],
    stop: threading.Event,
) -> Result:
    """The result of an action that is repeated while Azure refuses it with an error that passes by itself.

    `what` is waited for, and told with each refusal. The client's own patience scales the pauses. Raises TargetError
    if `stop` is set meanwhile, and the last AzureError after `seconds`.
    """
    pause = min(LONGEST_PAUSE, seconds / LEAST_TRIES)
    scale = client.patience.longest_pause / 60

    def passes(error: Exception) -> bool:
        return isinstance(error, AzureError) and may_pass(error)

    def tell(error: Exception) -> None:
        assert isinstance(error, AzureError)
        shown = error.code or error.status
        progress(f"waiting for {what} ({shown})" if not error.hint else f"waiting ({shown}). {error.hint}")

    def wait(length: float) -> None:
        if stop.wait(length):
            raise TargetError(f"waiting for {what} was interrupted, and nothing was started")

    return retry(action, passes, [pause * scale] * round(seconds / pause), wait=wait, before_again=tell)
