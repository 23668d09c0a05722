"""What a run is: every field is either identity (in the digest) or policy (changed in place)."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any

from trainup.core.canonical import sha256


class OnFailure(StrEnum):
    """What a failed run means for `pulumi up`."""

    FAIL = "fail"
    KEEP = "keep"
    """The failure is data: `up` succeeds and `status` tells."""


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
    """How a data input gets to the nodes. On this machine it is where it is, whatever the mode."""

    RO_MOUNT = "ro_mount"
    DOWNLOAD = "download"
    DIRECT = "direct"
    """The script gets the address itself."""
    RW_MOUNT = "rw_mount"
    EVAL_MOUNT = "eval_mount"
    EVAL_DOWNLOAD = "eval_download"


class OutputMode(StrEnum):
    """How a named output gets to its place."""

    RW_MOUNT = "rw_mount"
    UPLOAD = "upload"
    """When the run has ended."""
    DIRECT = "direct"
    """The script writes to the address itself."""


class QueueTier(StrEnum):
    """What a run on a node of Azure ML's own choice costs, and how it queues."""

    SPOT = "spot"
    BASIC = "basic"
    STANDARD = "standard"
    PREMIUM = "premium"


class OnPreemption(StrEnum):
    """What happens when a node was taken away."""

    RESUME = "resume"
    """A new attempt goes on from the last checkpoint; it does not count among the retries."""
    FAIL = "fail"


def _identity(default: Any = MISSING, factory: Any = MISSING) -> Any:
    return field(default=default, default_factory=factory, metadata={"identity": True})


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One training run, resolved: what `digest` covers decides whether it trains again.

    Add an identity field only with a default: defaults are left out of the digest, so nobody retrains.
    """

    command: tuple[str, ...] = _identity()
    snapshot: str | None = _identity(None)
    """Digest of the source files."""
    image: str | None = _identity(None)
    """Image reference, by digest."""
    environment_variables: Mapping[str, str] = _identity(factory=dict)
    secrets: tuple[str, ...] = _identity(())
    """Names of the environment variables whose values are secret; sorted."""
    inputs: Mapping[str, Mapping[str, str]] = _identity(factory=dict)
    """Name → `digest` of the content with the `path` in it where not all of it is meant, or a literal `value`."""
    outputs: Mapping[str, Mapping[str, str]] = _identity(factory=dict)
    """Named outputs: name → `mode` and `type`, where they are not the usual ones."""
    shell: bool = _identity(False)
    """Whether the command is one text for bash."""
    after: Mapping[str, str] = _identity(factory=dict)
    """Upstream run → its digest."""
    distribution: Mapping[str, Any] = _identity(factory=dict)
    """`type` and what is counted: `process_count_per_node`, or `worker_count` and `parameter_server_count`."""
    nodes: int = _identity(1)
    size: str | None = _identity(None)
    rerun: str | None = _identity(None)

    display_name: str | None = None
    description: str | None = None
    experiment_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    """Seconds the command may run."""
    queue_timeout: float | None = None
    """Seconds it may wait for nodes."""
    retries: int = 0
    on_preemption: OnPreemption = OnPreemption.RESUME
    shm_size: str | None = None
    """Shared memory of a node."""
    queue_tier: QueueTier | None = None
    """Where Azure ML chooses the node."""
    node_price: float | None = None
    """US dollars for a node and an hour."""
    wait: bool = True
    on_failure: OnFailure = OnFailure.FAIL
    on_interrupt: OnInterrupt = OnInterrupt.DETACH
    on_delete: OnDelete = OnDelete.KEEP

    def identity(self) -> dict[str, Any]:
        """The identity fields that differ from their defaults, as plain JSON values."""
        result = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.metadata.get("identity") and value != _default(item):
                result[item.name] = _plain(value)
        return result

    def digest(self) -> str:
        """SHA-256 over the canonical identity: equal digests never train twice."""
        return sha256(self.identity())


def _default(item: Any) -> Any:
    return item.default_factory() if item.default_factory is not MISSING else item.default


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


IDENTITY_FIELDS = tuple(item.name for item in fields(RunSpec) if item.metadata.get("identity"))
POLICY_FIELDS = tuple(item.name for item in fields(RunSpec) if not item.metadata.get("identity"))
