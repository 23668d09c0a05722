"""Eviction drills: when a run's node is taken away, and what the end of the run proves."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from trainup.core.numbers import to_number, to_plain

VERSION = 1
"""Version of the format in which results are kept."""
DECIMALS = 4


class Moment:
    """Finds the moment of the eviction: in the middle between two steps, or of the time that the run takes.

    A run that logs no metric by steps is evicted at half of the time that it took before.
    """

    def __init__(self, final_step: int | None, seconds: float | None) -> None:
        self._final, self._seconds = final_step, seconds
        self._step: int | None = None
        self._steps = 0
        self._since, self._length = 0.0, 0.0

    def is_due(self, now: float, running: float, step: int | None) -> bool:
        """Whether the time has come. `now` is any clock, `running` the time since the start, both in seconds.

        `step` is the last step that was logged, None before the first.
        """
        if step is not None and step != self._step:
            self._length = now - self._since if self._steps else 0.0
            self._step, self._since = step, now
            self._steps += 1
        if self._final is not None:
            return self._is_between_steps(now)
        return self._seconds is not None and running >= self._seconds / 2

    @property
    def step_seconds(self) -> float:
        """How long a step takes; 0 where two of them were not seen."""
        return self._length

    def _is_between_steps(self, now: float) -> bool:
        assert self._final is not None
        if self._step is None or self._step >= self._final:
            return False
        # Steps shorter than the pause between two looks have no middle that anybody sees.
        is_late = self._step >= self._final / 2
        # After fewer steps, an attempt that begins again could not be told from one that goes on.
        are_enough = self._steps > 1 and self._step >= self._final / 3
        return is_late or (are_enough and now - self._since >= self._length / 2)


def step_after(steps: Sequence[int], evicted: int | None) -> int | None:
    """The last step that was trained after an eviction, of all steps that an attempt has logged before and after it.

    `evicted` is the last one before. A step that was logged before counts where it was logged twice. None where there
    is none yet.
    """
    if evicted is None:
        return None
    counts = Counter(steps)
    return max((step for step, count in counts.items() if step > evicted or count > 1), default=None)


def first_trained(seen: Sequence[tuple[float, int | None]], step_seconds: float, evicted: int | None) -> int | None:
    """The first step that an attempt trained, by when it was seen at which step (None before its first).

    `evicted` is the last step of the attempt before. None where the attempt was never seen at a step, or only after so
    long that it may have begun again: then nobody can tell. An attempt that resumes may log the whole curve again: such
    steps come faster than they can be trained.
    """
    looks = [(now, step) for now, step in seen if step is not None]
    if not looks:
        return None
    (begin, first), *later = looks
    for now, step in later[:1]:
        if (step - first) * step_seconds > 2 * (now - begin):
            return step
    unseen = begin - max((now for now, _ in seen if now < begin), default=-math.inf)
    may_have_begun_again = (first + 1) * step_seconds <= unseen
    return None if may_have_begun_again and (evicted is None or first >= evicted) else first


@dataclass(frozen=True)
class DrillResult:
    """What a drill showed."""

    run: str
    """The run that was drilled."""
    original: str
    """The attempt that the copy is compared with."""
    attempts: tuple[str, ...]
    """The attempts of the copy; one where the target starts it again itself."""
    status: str
    """How the copy ended."""
    evicted_after: float | None = None
    """Seconds from the start of the command to the eviction; None where there was none."""
    evicted_step: int | None = None
    """The last step that was logged before."""
    resumed_step: int | None = None
    """The first step that a later attempt trained; None where nobody can tell."""
    final_step: int | None = None
    original_step: int | None = None
    """The last step of the original."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    original_metrics: Mapping[str, float] = field(default_factory=dict)
    time: str = ""
    """When it ended, ISO 8601 in UTC."""

    @property
    def problem(self) -> str:
        """Why the run did not survive its eviction as it should, as a sentence; empty where it did."""
        if self.evicted_after is None:
            return (
                "the copy ended before its node was taken away: a drill needs a run that takes at least some seconds, "
                "and logs a metric for each epoch"
            )
        if self.status != "Completed":
            return f"the copy is {self.status} after its node was taken away: see `trainup logs {self.attempts[-1]}`"
        if self.final_step != self.original_step:
            return f"the copy ended at step {self.final_step}, and {self.original} at step {self.original_step}"
        if self.resumed_step is not None and self.evicted_step is not None and self.resumed_step < self.evicted_step:
            return (
                f"the copy began again at step {self.resumed_step}, though it had come to step {self.evicted_step}: "
                "what was trained before is lost. Write checkpoints into $TRAINUP_CHECKPOINT_DIR, and begin with the "
                "last one that is there"
            )
        return ""

    @property
    def doubt(self) -> str:
        """Why nobody can tell whether the run resumed, where there is no other problem; empty where it did."""
        if self.problem or self.resumed_step is not None:
            return ""
        why = "it logs no metric by steps" if self.original_step is None else "its first step was not seen in time"
        return (
            f"the copy came to the same end, but nobody can tell whether it resumed or began again, since {why}: drill "
            "a run that logs a metric for each epoch, with epochs of a second or more"
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        content = {**asdict(self), "version": VERSION, "resumed": None if self.doubt else not self.problem}
        content |= {"problem": self.problem, "doubt": self.doubt}
        return dict(to_plain(content))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """What `to_dict` returned. ValueError for another version or what it cannot be."""
        if content.get("version") != VERSION:
            raise ValueError(
                f"the format of this drill is {content.get('version')!r}, and this version reads {VERSION}"
            )
        try:
            numbers = {
                name: {str(key): to_number(value) for key, value in content[name].items()}
                for name in ("metrics", "original_metrics")
            }
            known = {name: content[name] for name in cls.__dataclass_fields__ if name in content}
            return cls(**{**known, **numbers, "attempts": tuple(map(str, content["attempts"]))})
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no result of a drill: {error!r}") from error


def sentences(result: DrillResult) -> list[str]:
    """The result for people, a line for each fact."""
    lines = []
    if result.evicted_after is not None:
        where = "" if result.evicted_step is None else f", after step {result.evicted_step}"
        lines.append(f"its node was taken away {result.evicted_after:.1f} s after it started{where}")
    if result.resumed_step is not None:
        lines.append(f"the next attempt was first seen at step {result.resumed_step}")
    if result.final_step is not None or result.original_step is not None:
        lines.append(f"last step: {_shown(result.final_step)}, and {_shown(result.original_step)} without an eviction")
    for name in sorted(result.metrics.keys() & result.original_metrics.keys()):
        with_it, without = result.metrics[name], result.original_metrics[name]
        lines.append(f"{name}: {with_it:.{DECIMALS}g}, and {without:.{DECIMALS}g} without an eviction")
    good = f"{result.run} survives the loss of its node: it resumes, and comes to the same end"
    lines.append(result.problem or result.doubt or good)
    return lines


def _shown(step: int | None) -> str:
    return "none" if step is None else str(step)
