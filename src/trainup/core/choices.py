"""The enumerations among the settings of a run."""

from enum import StrEnum


class OnFailure(StrEnum):
    """What a failed run means for `pulumi up`."""

    FAIL = "fail"
    KEEP = "keep"
    """`up` succeeds, and the output `status` shows the failure."""


class OnInterrupt(StrEnum):
    """What Ctrl-C on `pulumi up` means for the run."""

    DETACH = "detach"
    CANCEL = "cancel"


class OnDelete(StrEnum):
    """What becomes of the run's record when the resource is deleted or replaced."""

    KEEP = "keep"
    ARCHIVE = "archive"
    DELETE = "delete"


class DistributionType(StrEnum):
    """How the processes of one run find each other."""

    PYTORCH = "pytorch"
    MPI = "mpi"
    TENSORFLOW = "tensorflow"


class InputMode(StrEnum):
    """How a data input gets to the nodes. On this machine it is used in its own folder, whatever the mode."""

    RO_MOUNT = "ro_mount"
    DOWNLOAD = "download"
    DIRECT = "direct"
    """The script gets the address itself."""
    RW_MOUNT = "rw_mount"
    EVAL_MOUNT = "eval_mount"
    EVAL_DOWNLOAD = "eval_download"


class OutputMode(StrEnum):
    """How a named output gets to its datastore."""

    RW_MOUNT = "rw_mount"
    UPLOAD = "upload"
    """When the run has ended."""
    DIRECT = "direct"
    """The script writes to the address itself."""


class QueueTier(StrEnum):
    """Price and priority of a run on serverless compute."""

    SPOT = "spot"
    BASIC = "basic"
    STANDARD = "standard"
    PREMIUM = "premium"


class OnPreemption(StrEnum):
    """What happens when a node was taken away."""

    RESUME = "resume"
    """A new attempt goes on from the last checkpoint; it does not count among the retries."""
    FAIL = "fail"
