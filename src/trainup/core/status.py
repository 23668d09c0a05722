"""The life of a run in one vocabulary for every target."""

from enum import StrEnum


class Status(StrEnum):
    """The status of a run. The words are the same in the ledger, in outputs and on the command line."""

    QUEUED = "Queued"
    """Accepted by the target; waits for a node or a slot."""
    PREPARING = "Preparing"
    """Has its nodes; the environment is made ready."""
    RUNNING = "Running"
    """The user's command runs."""
    FINALIZING = "Finalizing"
    """The command has ended; logs, metrics and outputs are being collected."""
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"
    TIMED_OUT = "TimedOut"
    NOT_RESPONDING = "NotResponding"
    """The process that watched the run is gone, and it is unknown how the command ended."""

    @property
    def is_terminal(self) -> bool:
        """Whether the run can no longer change by itself."""
        return self in TERMINAL

    @property
    def is_failure(self) -> bool:
        """Whether the run ended in any way but `Completed`."""
        return self in TERMINAL and self is not Status.COMPLETED


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELED, Status.TIMED_OUT, Status.NOT_RESPONDING})

PHASES = {
    Status.QUEUED: "queued",
    Status.PREPARING: "preparing",
    Status.RUNNING: "running",
    Status.FINALIZING: "finalizing",
}
"""Status → the key under which its seconds appear in a run's `phases` output."""
