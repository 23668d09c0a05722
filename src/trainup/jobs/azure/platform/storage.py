"""Writes to the storage of a workspace, on which the role may have been assigned only now."""

import threading
from collections.abc import Callable

from trainup.core.retry import Result
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.roles import wait_for_role
from trainup.jobs.target import TargetError

REFUSALS = frozenset({"KeyBasedAuthenticationNotPermitted", "AuthorizationPermissionMismatch", "AuthorizationFailure"})
"""Codes with which the storage refuses who has no role on it, or no network from which it lets anybody in."""
ROLE = "the role on the workspace's storage"


def write(
    client: AzureClient,
    action: Callable[[], Result],
    what: str,
    otherwise: str,
    progress: Callable[[str], None],
    stop: threading.Event,
) -> Result:
    """The result of an action that writes, repeated until the role on the storage is in effect.

    Raises TargetError if the storage goes on to refuse `what`; `otherwise` is what can be done instead of asking for
    the role. Raises AzureError for any other refusal.
    """

    def is_refused(error: AzureError) -> bool:
        return error.code in REFUSALS

    try:
        return wait_for_role(client, action, is_refused, ROLE, progress, stop)
    except AzureError as error:
        if not is_refused(error):
            raise
        raise TargetError(
            f"the workspace's storage refuses {what} ({error}): ask for the role Storage Blob Data Contributor on "
            f"it{otherwise}"
        ) from error
