"""Azure ML's words for where a job stands, in ours."""

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
    # Nobody goes on with it by itself, so waiting for it would never end.
    "Paused": Status.NOT_RESPONDING,
}
STALLED = {"NotResponding": "does not answer any more: its node is gone or overloaded", "Paused": "is paused"}
ENDED = frozenset({"Completed", "Failed", "Canceled"})
"""What cannot change any more. A job that does not respond may come back, and one that is paused go on."""


def status_of(word: str | None) -> Status:
    """Ours for theirs; a word that is new to us is taken for waiting."""
    return STATUSES.get(word or "", Status.QUEUED)
