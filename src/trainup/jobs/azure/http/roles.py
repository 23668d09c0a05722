"""Waits until a role assignment takes effect, which takes minutes after its creation."""

import threading
from collections.abc import Callable

from trainup.core.retry import Result
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.waits import ROLE_SECONDS, wait_while


def wait_for_role(
    client: AzureClient,
    action: Callable[[], Result],
    is_for_role: Callable[[AzureError], bool],
    role: str,
    progress: Callable[[str], None],
    stop: threading.Event,
) -> Result:
    """Repeat an action while Azure refuses it in a way in which it refuses whoever lacks the role.

    Raises TargetError if `stop` is set meanwhile, and the last AzureError if the role is not in effect in time.
    """
    what = f"{role} to take effect; if it is missing, it can still be assigned now"
    return wait_while(client, action, is_for_role, ROLE_SECONDS, what, progress, stop)
