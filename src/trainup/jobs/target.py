"""The interface of all targets: jobs that they run, and records of attempts."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from trainup.core.choices import OnDelete
from trainup.core.curves import Point
from trainup.core.errors import ServiceError, TrainupError
from trainup.core.failure import Failure, FailureClass
from trainup.core.git_state import GitState
from trainup.core.naming import run_id
from trainup.core.parameters import parameters_of
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.core.trials import Trial, early_reason


class TargetError(ServiceError):
    """The target refused a request or could not fulfil it; the message says what to do."""


@dataclass(frozen=True)
class Owner:
    """The resource that a run belongs to. If it is created again, it takes over its runs under a new token."""

    urn: str
    token: str
    project: str = ""
    """Folder of the project, for targets whose workspace is in it: two checkouts are two stacks with equal URNs."""

    def is_same_resource(self, other: "Owner") -> bool:
        """Whether both are the same resource of the same stack, which may have been moved or renamed."""
        return (self.urn, self.project) == (other.urn, other.project) or self.token == other.token

    def is_same_stack(self, other: "Owner") -> bool:
        """Whether both are resources of one stack."""
        stacks = [(owner.urn.split("::")[:2], owner.project) for owner in (self, other)]
        return stacks[0] == stacks[1]


@dataclass(frozen=True)
class StackUrns:
    """A stack, as the owners of its runs name it."""

    stack: str
    project: str
    """Name of its project."""
    folder: str = ""
    """Folder of the project, as in `Owner.project`."""
    urns: Mapping[str, str] = field(default_factory=dict)
    """Run → its URN, of those that it declares."""

    def owns(self, owner: Owner) -> bool:
        """Whether an owner is a resource of this stack."""
        is_here = not (owner.project and self.folder) or owner.project == self.folder
        return is_here and owner.urn.startswith(f"urn:pulumi:{self.stack}::{self.project}::")

    def urns_of(self, run: str) -> tuple[str, ...]:
        """The URNs that a run has here, or had before it was taken out of the program: formed like those of others."""
        parts = ((other, *urn.rpartition("::")) for other, urn in self.urns.items())
        alike = (f"{kind}::{run}{name[len(other) :]}" for other, kind, _, name in parts if name.startswith(other))
        return tuple(dict.fromkeys([*alike, *self.urns.values()]))


@dataclass(frozen=True)
class Job:
    """Everything a target needs to start one run."""

    run: str
    spec: RunSpec
    digest: str
    owner: Owner
    source: Path | None = None
    manifest: Mapping[str, str] = field(default_factory=dict)
    """Manifest of the snapshot that the preview showed, to name files that have changed since."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None
    data_inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Name → `uri` and, if they are set, the `path` below it, `type` and `mode`; or a literal `value`."""
    named_outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Name → `uri`, if the output does not go to its default location."""
    environment: str | None = None
    """ARM id of the environment that the image is registered as."""
    identity: str | None = None
    """Who the run is on Azure: a client id, `cluster`, `user` or `token`."""
    git: GitState = field(default_factory=GitState)
    """The project in git as the run starts; recorded with the attempt, and no part of its identity."""
    trial: Trial | None = None
    """Which trial of a sweep it is: the owner is the sweep then, and has many runs at once. None for any other run."""

    @property
    def id(self) -> str:
        """The resource id, shared by all attempts."""
        return run_id(self.run, self.digest)


@dataclass(frozen=True)
class Passing:
    """A cause of failure that passes by itself, so that one repetition does not count as a retry."""

    why: str
    """Half a sentence about the cause."""
    seconds: float
    """Time until the cause is sure to have passed."""


@dataclass(frozen=True)
class Record:
    """The target's record of one attempt, as it was when it was read."""

    name: str
    """The target's own name: the run's id, with `-a2` … for later attempts."""
    run: str
    id: str
    attempt: int
    """Its number, from 1; 0 where the target's own schedule started it."""
    digest: str
    status: Status
    abandoned: bool = False
    """Accepted, but the process that should start it is gone: it can be launched as if for the first time."""
    owners: tuple[Owner, ...] = ()
    released: tuple[Owner, ...] = ()
    """Owners that have given it up, where the target knows them."""
    git: GitState = field(default_factory=GitState)
    """The project in git when the attempt was started; empty in older records."""
    created: str = ""
    """When it was accepted, ISO 8601 in UTC."""
    number: int = 0
    """Position in the order of a local workspace's claims, which is independent of the clock. 0 for older records."""
    waiting: str = ""
    """What it waits for, while nothing runs yet."""
    tracking_error: str = ""
    """Why its metrics are missing or incomplete, as a sentence; the run itself may have completed."""
    in_vain: FailureClass | None = None
    """Set while it cannot start for lack of quota or the like: the failure class if `queue_timeout` ends the wait."""
    failure: Failure | None = None
    passing: Passing | None = None
    """Set by `settle` for a failure whose cause passes by itself."""
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
    node_price: float | None = None
    """US dollars for a node and an hour, which `cost` counts with; None where nobody told it."""
    nodes: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    """The tags that the user gave it."""
    trials: Mapping[str, Trial] = field(default_factory=dict)
    """Which trials it is: tag of a sweep (`core/trials.py`) → trial. Empty for any other run."""
    reproduce: str = ""
    """A shell command that runs the same thing by hand."""
    command: Sequence[str] = ()
    """The words of its command; empty for a script of a shell, and where they are unknown."""
    literals: Mapping[str, str] = field(default_factory=dict)
    """Its inputs that are values: name → value."""

    @property
    def parameters(self) -> dict[str, str]:
        """The options of its command and its literal inputs, as MLflow gets them."""
        return parameters_of(self.command, self.literals)

    def has_result(self, sweep: str = "") -> bool:
        """Whether it completed, or is a trial that the sweep with this tag ended early: then it is not trained again.

        What another sweep gave up is no result of this one.
        """
        if self.status is Status.COMPLETED:
            return True
        return self.status is Status.CANCELED and sweep in self.trials and bool(early_reason(self.failure))

    def follows(self, other: "Record") -> bool:
        """Whether it is a later attempt of the same run. Those that a schedule started have no number, but a time."""
        if self.attempt and other.attempt:
            return self.attempt > other.attempt
        return self.created > other.created

    @property
    def note(self) -> str:
        """What to show beside the status; may be empty."""
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
    md5: str = ""
    """MD5 of the content in base64, where the target knows it: equal files need not be read."""


@dataclass(frozen=True)
class Definition:
    """What an attempt runs, as its record has it."""

    inputs: Mapping[str, Any]
    """By the names of a run's inputs (`core/run_keys.py`). `command` is the whole command; secrets have no values."""
    snapshot: str | None = None
    """Digest of its code, where the record has it."""
    packages: Sequence[str] | None = None
    """Requirements of its environment, where the target knows them."""
    unknown: Sequence[str] = ()
    """Inputs that the record does not have."""


@dataclass(frozen=True)
class Polling:
    """Pauses between two looks at a run, in seconds: short at first and while new lines arrive, then growing."""

    fastest: float
    """While new lines arrive."""
    queued: float
    """The longest pause while it waits for a node."""
    running: float
    """The longest pause while it runs."""
    growth: float = 1.2
    first: float | None = None
    """The first pause, where a run may end at once; `fastest` where there is none."""

    def after(self, pause: float, status: Status, *, progressed: bool) -> float:
        """The pause after this one, in seconds; `progressed` says whether there were new lines."""
        if progressed:
            return max(self.fastest, min(pause / self.growth, self.running))
        return min(pause * self.growth, self.queued if status is Status.QUEUED else self.running)


class Target(Protocol):
    """Where runs run. `tests/contract/test_target_contract.py` checks that every target keeps this contract.

    **Record.** The target's own record of an attempt is the truth about it, and Pulumi's state is a view of it. An
    attempt has a name, its job's id with `-a2`, `-a3` … for later attempts, and that name is used once. All that is
    asked by name takes the name of an attempt; unknown names are None or do nothing. A `Record` is what the target
    knows at one moment: whoever wants to know more later asks again.

    **Order of calls.** `lifecycle.start` and `lifecycle.follow` are the only ways through:

    1. within `expecting`: `active_runs`, and `cancel` for those of the same resource with other inputs;
    2. within `exclusive`: `attempts`, then `adopt` for the last one if it goes on or has completed, else `settle` for
       the last one and `claim` for the next;
    3. `launch`, for what was claimed and not started (`Record.abandoned`);
    4. `get` and `read_log` until the status is terminal, then `settle`, and `read_log` once more for the last lines;
    5. when the resource is removed: `release`.

    `files`, `definition`, `code` and `log_tail` can be called at any time.

    **Errors.** Every method may raise `TargetError`: the target refused or could not be reached, and the message says
    what to do. Where records are files, `UnreadableRecord` (one is damaged) and `OSError` (the disk) come as well.
    `launch` also raises `SnapshotError`, when the source folder is no longer what the job says. After an error nothing
    is half done that a repetition would not make good. A failed run is no error: its record has a `failure`, whose
    class is the same on every target.

    **Repetition.** Every method can be called again after an error, a kill or for no reason: a second `launch` starts
    nothing, a second `cancel` or `settle` returns the same end, a second `adopt` or `release` changes nothing. Two
    equal jobs never run at once, and one that has completed never runs again.

    **Concurrency.** An instance can be used by several threads for different runs, and by one thread at a time for one
    run; `cancel` may also come from a second one. Any number of instances, in one process or in many, can work on one
    workspace: what two of them do at once has the result of one after the other. Only `exclusive` makes one wait for
    another.

    **Kills.** Runs do not depend on the process that started them. If that process is killed before `launch`, the
    claim is abandoned, or was never made, and the next `start` launches the same attempt. If it is killed later, the
    run goes on, and the next `start` attaches to it. If the machine of a run is lost, its record says so
    (`NOT_RESPONDING`) or the target starts it again on another.
    """

    @property
    def polling(self) -> Polling:
        """How often to look at a run during a wait."""
        ...

    @property
    def has_schedules(self) -> bool:
        """Whether it starts attempts by schedule itself; elsewhere `lifecycle.start` does, once one is due.

        Attempts that it started have names of its own, and 0 as their `attempt`.
        """
        ...

    def keep_schedule(self, job: Job) -> None:
        """Have the one schedule of a job's resource as its spec says, or none: what it starts are attempts of this job.

        A resource that was moved or renamed keeps none under its former name. Nothing where the target has no
        schedules. TargetError where it refuses.
        """
        ...

    def keeps_schedule(self, job: Job) -> bool:
        """Whether the schedule of a job's resource is there and starts this job as its spec says, or is not there if
        the spec has none. True where the target has no schedules.
        """
        ...

    def remove_schedule(self, run_id: str, owner: Owner) -> None:
        """Remove the schedule of a resource that starts this run; one that starts other inputs by now stays."""
        ...

    def forget_checkpoints(self, run_id: str) -> None:
        """Remove what attempts would resume from, so that the next one trains anew. Needs `exclusive`."""
        ...

    def exclusive(self) -> AbstractContextManager[Any]:
        """While held, nobody else claims or adopts attempts in this workspace.

        A target whose names can be taken only once needs no lock, and holds none.
        """
        ...

    def expecting(self, job: Job) -> AbstractContextManager[Any]:
        """Held while a job is started: a target may use it to fetch in parallel what the start needs."""
        ...

    def active_runs(self, job: Job) -> list[Record]:
        """The attempts of a job's resource that have not ended, whatever their inputs."""
        ...

    def owned(self, owner: Owner) -> list[Record]:
        """All attempts that belong to a resource, whatever their inputs: the trials of a sweep. In no order."""
        ...

    def attempts(self, run_id: str) -> list[Record]:
        """All attempts of a run id, oldest first; empty for an unknown id."""
        ...

    def get(self, name: str) -> Record | None:
        """The current record of an attempt; None if there is none, or if it was deleted."""
        ...

    def live(self, record: Record) -> Record:
        """The record of a run at work with the seconds and metrics so far; any other record, or any trouble: as it is.

        For those who look now and then; `get` leaves this out, since it is called in short intervals.
        """
        ...

    def at_work(self, run: str, stack: StackUrns) -> list[Record]:
        """The attempts of a stack's run that have not ended, whatever their inputs: an `up` may just have begun one."""
        ...

    def history(
        self, stack: StackUrns, beginning: str = "", *, newest: int | None = None
    ) -> tuple[list[Record], list[TrainupError]]:
        """The attempts whose ids or names begin so and that belong to a stack, or did; and what cannot be read.

        Oldest first; `newest` limits them to so many of all that changed last. An attempt that nobody owns, and of
        which no former owner is known, counts as everybody's.
        """
        ...

    def measured(self, records: Sequence[Record], *, best: bool = False) -> list[Record]:
        """The records with their metrics, where `history` leaves these out: few requests for many records.

        `best` also brings the best values, which may take a request for each metric of each record; a record of which
        they are not read in time says so in `tracking_error`.
        """
        ...

    def curves(
        self, records: Sequence[Record], points: int, metrics: Collection[str] | None = None
    ) -> dict[str, dict[str, list[Point]]]:
        """Attempt → metric → at most so many of its points, by step; attempts and metrics that have none are left out.

        `metrics` are those that are asked for, also of runs at work; without them, all that the records have.
        Starts no server. Raises TargetError.
        """
        ...

    def room(self, job: Job) -> int | None:
        """How many jobs of this kind can run at once on their cluster; None where that is not known."""
        ...

    def trained(self, run_ids: Collection[str], sweep: str = "") -> set[str]:
        """Those of these run ids that have a result (`Record.has_result`), whoever owns them.

        For previews: one request for all of them.
        """
        ...

    def is_of(self, record: Record, stack: StackUrns) -> bool:
        """Whether an attempt belongs to a stack, or did, by the rule of `history`."""
        ...

    def claim(self, job: Job, attempt: int) -> Record:
        """Take the name of a new attempt, whose record is `abandoned` until it is launched. Needs `exclusive`.

        Nothing runs yet. A target that has no record of what does not run may leave it at the `Record`: then the name
        is taken by `launch`, and until then `get` does not know it.
        """
        ...

    def adopt(self, record: Record, job: Job) -> Record:
        """Make the job's owner an owner of this attempt, and give it the job's policy. Needs `exclusive`.

        An earlier token of the same resource gives way. Starts nothing, and changes nothing of the run's identity. What
        of the policy cannot be changed any more stays as it is, and the target says so. TargetError where the attempt
        was deleted meanwhile.
        """
        ...

    def launch(self, record: Record, job: Job) -> Record:
        """Start a claimed attempt, unless it has been started: then it is adopted.

        TargetError where the target refuses the job: no cluster, no data, a name that something else has taken. Such
        an attempt leaves no record that stands in the way.
        """
        ...

    def settle(self, record: Record) -> Record:
        """Make the record of an ended attempt final: none of its processes continues, and the record no longer changes.

        The record says whether the cause of a failure passes by itself (`Record.passing`). An attempt that has not
        ended is returned unchanged.
        """
        ...

    def cancel(self, name: str, reason: str, kind: FailureClass = FailureClass.CANCELED) -> Record | None:
        """End an attempt, and wait until it has ended; None where there is none.

        One that waits never begins; one that runs gets the time that the target gives it to end by itself; one that
        has ended keeps its end. `kind` is the class of the failure in the record, and `reason` is part of its message:
        those of the first call count. TargetError where the attempt does not end in time.
        """
        ...

    def evict(self, name: str, reason: str) -> None:
        """Take the nodes of a running attempt away without a warning, as a spot market does. For drills.

        What follows is what follows such a loss: the attempt fails as preempted, with `reason` in its message, or the
        target starts it again itself. An attempt that does not run is left as it is. TargetError where the target
        cannot do this.
        """
        ...

    def release(self, run_id: str, owner: Owner, on_delete: OnDelete) -> None:
        """Remove an owner from all attempts of a run.

        Attempts without another owner are canceled, then kept, archived or deleted. The token of the owner counts as
        well: an attempt that a later create of the same resource has adopted is left alone.
        """
        ...

    def pause(self, name: str, seconds: float, stop: threading.Event) -> bool:
        """Wait for so long, or less where the attempt tells its end; returns whether `stop` is set by then."""
        ...

    def read_log(self, name: str, position: int) -> tuple[list[str], int]:
        """The whole lines after a position, and the next position; once all was read it stays the same.

        0 is the beginning; other positions are the target's own, and hold for the instance that returned them. Every
        line comes once, in order, with secrets masked; a line that is not finished yet comes when it is, or when the
        attempt has ended.
        """
        ...

    def log_position(self, name: str, since: float) -> int:
        """The position in the log from which on it was printed after a time, in seconds since 1970.

        TargetError where the target does not know when lines were printed.
        """
        ...

    def files(self, name: str, part: str | None = None) -> list[File]:
        """What an attempt left behind: its outputs, or one of the named ones. TargetError where there is none."""
        ...

    def definition(self, name: str) -> "Definition":
        """What an attempt runs, as its record has it. TargetError where there is none."""
        ...

    def code(self, name: str) -> list[File]:
        """The code that an attempt got, sorted by path; empty where it had none. TargetError where it is gone.

        Where runs work in the folder of their code, what they wrote there may be among the files.
        """
        ...

    def log_tail(self, name: str, lines: int) -> list[str]:
        """The last lines of the log, for a message. If the log cannot be read, a line says so instead of an error."""
        ...
