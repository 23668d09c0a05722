"""What every target offers: runs by name, with records that are the truth about them."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from trainup.core.choices import OnDelete
from trainup.core.errors import ServiceError
from trainup.core.failure import Failure, FailureClass
from trainup.core.naming import run_id
from trainup.core.spec import RunSpec
from trainup.core.status import Status


class TargetError(ServiceError):
    """The target refused or could not do what was asked; the message says what to do."""


@dataclass(frozen=True)
class Owner:
    """The resource that a run belongs to. A later create of the same resource takes over with a new token."""

    urn: str
    token: str
    place: str = ""
    """Folder of the project, where a target lies beside it: two checkouts are two stacks with the same URNs."""

    def is_same_resource(self, other: "Owner") -> bool:
        """Whether both are the same resource of the same stack, which may have been moved or renamed."""
        return (self.urn, self.place) == (other.urn, other.place) or self.token == other.token

    def is_same_stack(self, other: "Owner") -> bool:
        """Whether both are resources of one stack."""
        stacks = [(owner.urn.split("::")[:2], owner.place) for owner in (self, other)]
        return stacks[0] == stacks[1]


@dataclass(frozen=True)
class Job:
    """Everything a target needs to start one run."""

    run: str
    spec: RunSpec
    digest: str
    owner: Owner
    source: Path | None = None
    manifest: Mapping[str, str] = field(default_factory=dict)
    """The snapshot as the preview showed it, to name what has changed since."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Data inputs: name → `uri` and, where given, the `path` below it, `type` and `mode`; or a literal `value`."""
    places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Named outputs: name → `uri`, where it is to lie in a place of its own."""
    environment: str | None = None
    """ARM id of the environment that the image is registered as."""
    identity: str | None = None
    """Who the run is on Azure: a client id, `cluster`, `user` or `token`."""

    @property
    def id(self) -> str:
        """The resource id, shared by all attempts."""
        return run_id(self.run, self.digest)


@dataclass(frozen=True)
class Record:
    """What the target knows of one attempt."""

    name: str
    """The target's own name: the run's id, with `-a2` … for later attempts."""
    run: str
    id: str
    attempt: int
    digest: str
    status: Status
    abandoned: bool = False
    """Accepted, but whoever should have started it is gone: it can be launched as if for the first time."""
    owners: tuple[Owner, ...] = ()
    created: str = ""
    """When it was accepted, ISO 8601 in UTC."""
    number: int = 0
    """Here, a later claim of the same workspace has a higher one, whatever the clock says. 0 for older records."""
    waiting: str = ""
    """What it waits for, while nothing runs yet."""
    tracking_error: str = ""
    """That its metrics are missing or incomplete, and why; the run itself may have completed."""
    in_vain: FailureClass | None = None
    """Set while it cannot start as things are: the class of failure that waiting for too long would be."""
    failure: Failure | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    """Phase → seconds spent in it."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Metric → last value; NaN and infinities are possible."""
    best: Mapping[str, float] = field(default_factory=dict)
    """Metric → best value seen: the highest, or the lowest for losses and errors."""
    log_uri: str = ""
    outputs_uri: str = ""
    web_url: str = ""
    cost: float = 0.0
    """US dollars."""
    reproduce: str = ""
    """A shell command that runs the same thing by hand."""

    @property
    def note(self) -> str:
        """What is worth knowing beside the status; empty where nothing is."""
        return "; ".join(text for text in (self.waiting, self.tracking_error) if text)

    @property
    def duration_seconds(self) -> float:
        """Seconds from the start of preparation to the end."""
        return round(sum(value for name, value in self.phases.items() if name != "queued"), 3)


@dataclass(frozen=True)
class File:
    """One file that a run left behind."""

    path: str
    """Below the run's outputs, or below the named output that was asked for."""
    size: int
    modified: float
    """Seconds since 1970."""
    pieces: Callable[[], Iterable[bytes]]
    """Reads it from its beginning to its end."""


@dataclass(frozen=True)
class Polling:
    """How often a run is looked at while somebody waits: often at first and while lines come, else ever less."""

    fastest: float
    """Seconds."""
    queued: float
    """The longest pause while it waits for a node."""
    running: float
    """The longest pause while it runs."""
    growth: float = 1.2

    def after(self, pause: float, status: Status, *, progressed: bool) -> float:
        """The pause that follows a pause."""
        if progressed:
            return max(self.fastest, min(pause / self.growth, self.running))
        return min(pause * self.growth, self.queued if status is Status.QUEUED else self.running)


class Target(Protocol):
    """A place where runs happen. Names are job names; unknown names are None or do nothing."""

    @property
    def polling(self) -> Polling:
        """How often to look."""
        ...

    def exclusive(self) -> AbstractContextManager[Any]:
        """While held, nobody else starts or adopts runs in this workspace."""
        ...

    def expecting(self, job: Job) -> AbstractContextManager[Any]:
        """While held, a job is being started: what has to be known for that may be asked all at once."""
        ...

    def active_runs(self, job: Job) -> list[Record]:
        """The runs of a job's resource that have not ended."""
        ...

    def attempts(self, identity: str) -> list[Record]:
        """All attempts of one run id, oldest first."""
        ...

    def get(self, name: str) -> Record | None:
        """One attempt as it stands now."""
        ...

    def claim(self, job: Job, attempt: int) -> Record:
        """Record a new attempt, so that its name is taken; nothing runs yet. Needs `exclusive`."""
        ...

    def adopt(self, record: Record, job: Job) -> Record:
        """Make the job's owner an owner of this attempt, and give it the job's policy. Needs `exclusive`."""
        ...

    def launch(self, record: Record, job: Job) -> Record:
        """Start a claimed attempt unless it has been started; safe to call again after a kill."""
        ...

    def settle(self, record: Record) -> Record:
        """Clear up after an attempt whose watcher is gone: nothing of it runs on, and the record says so."""
        ...

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        """Stop an attempt and wait until it has ended; `kind` is the class of its failure."""
        ...

    def release(self, identity: str, owner: Owner, on_delete: OnDelete) -> None:
        """Give up ownership of a run; what nobody else owns is cancelled, then kept, archived or deleted."""
        ...

    def read_log(self, name: str, position: int) -> tuple[list[str], int]:
        """The whole lines after a position, and the next position. 0 is the beginning; others are the target's own."""
        ...

    def files(self, name: str, part: str | None = None) -> list[File]:
        """What an attempt left behind: its outputs, or one of the named ones. TargetError where there is none."""
        ...

    def log_tail(self, name: str, lines: int) -> list[str]:
        """The last lines of the log."""
        ...
