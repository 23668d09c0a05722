"""Maps Azure ML's job statuses to trainup's."""

from trainup.core.status import Status

STATUSES = {
    "NotStarted": Status.QUEUED,
    "Starting": Status.QUEUED,
    "Provisioning": Status.QUEUED,
    "Queued": Status.QUEUED,
    "Preparing": Status.PREPARING,
    "Running": Status.RUNNING,
    "Finalizing": Status.FINALIZING,
    "CancelRequested": Status.FINALIZING,
    "Completed": Status.COMPLETED,
    "Failed": Status.FAILED,
    "Canceled": Status.CANCELED,
    "NotResponding": Status.NOT_RESPONDING,
    # Only a user can resume a paused job, so waiting for it might never end.
    "Paused": Status.NOT_RESPONDING,
}
STALLED = {"NotResponding": "does not answer any more: its node is gone or overloaded", "Paused": "is paused"}
ENDED = frozenset({"Completed", "Failed", "Canceled"})
"""Final statuses. `NotResponding` and `Paused` are not among them: such a job may continue."""


def status_of(word: str | None) -> Status:
    """The status for one of Azure ML's; an unknown one counts as QUEUED."""
    return STATUSES.get(word or "", Status.QUEUED)
