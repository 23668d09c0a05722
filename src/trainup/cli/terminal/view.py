"""What is worth showing of the engine's events: lines that stay, and a row for each resource that moves.

It knows no terminal: `live.py` and `plain.py` render it.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trainup.cli.terminal.events import STACK_TYPE, Event, Message, Moment, Step, Summary
from trainup.core.status import Status
from trainup.core.values import UNKNOWN_TEXTS

RUN_TYPE = "trainup:index:Run"
SIGNS = {
    "create": "+",
    "update": "~",
    "delete": "-",
    "replace": "+-",
    "create-replacement": "+-",
    "delete-replaced": "-",
    "read": ">",
    "refresh": "~",
    "import": "=",
    "discard": "<",
    "remove-pending-replace": "-",
}
DONE_WORDS = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete-replaced": "deleted (the one before)",
    "read": "read",
    "refresh": "refreshed",
    "import": "imported",
    "discard": "discarded",
}
PLANNED = ("create", "update", "replace", "delete", "import", "read", "discard")
ATTEMPT = re.compile(r".+-[0-9a-f]{12}(-a\d+)?")
NEWS = re.compile(rf"{ATTEMPT.pattern}: (was \w+ for .+|its page is .+)")
MOST_CHANGES = 6
"""Changed properties that a line of a preview names."""
GENERIC = frozenset({"update failed", "preview failed", "refresh failed", "destroy failed"})
"""Errors that only say that there are others."""


class Style(StrEnum):
    """How a line is meant; whoever renders it chooses the color."""

    PLAIN = "plain"
    FAINT = "faint"
    GOOD = "good"
    NEW = "new"
    CHANGED = "changed"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Line:
    """A line that stays."""

    text: str
    style: Style = Style.PLAIN
    run: str = ""
    """The run whose log it is from; empty for all other lines."""
    is_in_row: bool = False
    """Whether the row of what moves says it as well: then it does not have to stay where there are rows."""


@dataclass
class Row:
    """A resource that moves."""

    name: str
    started: float
    is_run: bool
    phase: str = ""
    detail: str = ""
    """What it waits for, or its last line."""


@dataclass
class View:
    """Takes events, and says what to show."""

    now: Callable[[], float] = time.monotonic
    rows: dict[str, Row] = field(default_factory=dict)
    """URN → what moves."""
    failed: dict[str, Step] = field(default_factory=dict)
    errors: list[Message] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    is_preview: bool = False
    """Whether the events are still those of a preview."""
    results: list[Line] = field(default_factory=list)
    """A line for each run that has ended, which is shown at the end once more, with everything."""
    _said: set[tuple[str, str]] = field(default_factory=set)
    _last: dict[str, str] = field(default_factory=dict)

    def take(self, event: Event) -> list[Line]:
        """The lines that an event adds. Rows and failures change as well."""
        match event:
            case Step():
                return list(self._step(event))
            case Message():
                return list(self._message(event))
            case Summary():
                return list(self._summary(event))

    def has_failed_training(self) -> bool:
        """Whether nothing failed but runs, and those in the training itself."""
        return bool(self.failed) and all(
            step.type == RUN_TYPE and is_failure(step.outputs) for step in self.failed.values()
        )

    def _step(self, step: Step) -> Iterator[Line]:
        if step.type == STACK_TYPE:
            if step.moment is Moment.DONE and not self.is_preview:
                yield from _changed_outputs(step)
            return
        if step.is_component or step.operation == "same" or step.type.startswith("pulumi:providers:"):
            return
        if step.operation == "refresh":
            yield from _refreshed(step)
        elif step.moment is Moment.BEGUN and self.is_preview:
            if step.operation not in ("create-replacement", "delete-replaced"):
                yield Line(_planned(step), _style(step.operation))
        elif step.moment is Moment.BEGUN:
            if step.operation == "replace":
                return  # only says that the new one is there and the old one goes
            self.rows[step.urn] = Row(_name(step), self.now(), step.type == RUN_TYPE)
        else:
            row = self.rows.pop(step.urn, None)
            seconds = self.now() - row.started if row else 0.0
            if step.moment is Moment.FAILED:
                self.failed[step.urn] = step
            if step.operation == "replace" or self.is_preview:
                return
            if step.type == RUN_TYPE and step.outputs.get("status") and not step.operation.startswith("delete"):
                self.results.append(_result(step))
                yield Line(f"{_name(step)}: {step.outputs.get('status')}", self.results[-1].style)
            elif step.moment is Moment.DONE:
                yield _done(step, seconds)

    def _message(self, message: Message) -> Iterator[Line]:
        if message.severity == "debug" or not message.text.strip():
            return
        if message.is_ephemeral:
            yield from self._progress(message)
            return
        if message.severity == "error":
            if message.text.strip() not in GENERIC and (message.urn, message.text) not in self._said:
                self.errors.append(message)
                self._said.add((message.urn, message.text))
            return
        # A warning comes in the preview, and once more in the update.
        if (message.urn, message.text) in self._said:
            return
        self._said.add((message.urn, message.text))
        label, style = ("warning: ", Style.WARNING) if message.severity == "warning" else ("", Style.PLAIN)
        about = "" if not message.urn or STACK_TYPE in message.urn else f"{_short(message.urn)}: "
        for index, text in enumerate(message.text.splitlines()):
            yield Line(f"{label}{about}{text}" if index == 0 else f"    {text}", style)

    def _progress(self, message: Message) -> Iterator[Line]:
        row = self.rows.get(message.urn)
        for text in message.text.splitlines():
            phase, detail = _phase_of(text) if row and row.is_run else ("", "")
            if row and phase:
                is_news = (phase, detail) != (row.phase, row.detail) and not Status(phase).is_terminal
                if is_news:  # its end has a line of its own, with the results
                    yield Line(f"{row.name}: {phase}{f', {detail}' if detail else ''}", Style.FAINT, is_in_row=True)
                row.phase, row.detail = phase, detail
            elif row and row.is_run and (news := NEWS.fullmatch(text)):
                yield Line(f"{row.name}: {news[2]}", Style.FAINT, is_in_row=news[2].startswith("was "))
            elif row and row.is_run:
                row.detail = text
                yield Line(text, run=row.name)
            elif self._last.get(message.urn) != text:
                self._last[message.urn] = text
                if row:
                    row.detail = text
                yield Line(
                    f"{row.name if row else _short(message.urn)}: {text}", Style.FAINT, is_in_row=row is not None
                )

    def _summary(self, summary: Summary) -> Iterator[Line]:
        self.summaries.append(summary)
        if summary.is_preview and set(summary.changes) - {"same"}:
            yield Line(_plan(summary.changes))
        self.is_preview = False


def end(view: View) -> list[Line]:
    """The last lines of a command: what failed and why, and what was done."""
    lines = list(view.results)
    for message in view.errors:
        about = "" if not message.urn or STACK_TYPE in message.urn else f"{_short(message.urn)}: "
        texts = [text for text in _without_count(message.text).splitlines() if text.strip()]
        lines += [
            Line(f"error: {about}{text}" if index == 0 else f"  {text}", Style.BAD if index == 0 else Style.PLAIN)
            for index, text in enumerate(texts)
        ]
    if not view.summaries:
        return lines
    summary = view.summaries[-1]
    if not summary.is_preview or not set(summary.changes) - {"same"}:
        failures = f", {len(view.failed)} failed" if view.failed else ""
        lines.append(Line(f"{_counts(summary.changes)}{failures}; {seconds_of(summary.seconds)}"))
    return lines


def seconds_of(seconds: float) -> str:
    """A duration for people: `4.2 s`, `3:05`, `1:02:03`."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 or seconds == int(seconds) else f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def is_failure(outputs: Mapping[str, Any]) -> bool:
    """Whether the outputs of a run say that it has ended without success."""
    try:
        return Status(outputs.get("status", "")).is_failure
    except ValueError:
        return False


def _phase_of(text: str) -> tuple[str, str]:
    """(status, what it waits for) of the provider's line `digits-0123456789ab: Queued, behind 2 runs`; else empty."""
    attempt, _, rest = text.partition(": ")
    status, _, note = rest.partition(", ")
    is_status = ATTEMPT.fullmatch(attempt) and status in {str(one) for one in Status}
    return (status, note) if is_status else ("", "")


def _name(step: Step) -> str:
    return str(step.inputs.get("run") or step.name) if step.type == RUN_TYPE else step.name


def _short(urn: str) -> str:
    name = urn.rpartition("::")[2]
    return name.removesuffix("-job") if f"{RUN_TYPE}::" in urn else name


def _planned(step: Step) -> str:
    changes = [change for change in step.changes if not change.startswith("__")]
    more = f", and {len(changes) - MOST_CHANGES} more" if len(changes) > MOST_CHANGES else ""
    why = f"  [{', '.join(changes[:MOST_CHANGES])}{more}]" if changes else ""
    return f"{SIGNS.get(step.operation, ' '):>2} {step.operation:<7} {_kind(step)} {_name(step)}{why}"


def _refreshed(step: Step) -> Iterator[Line]:
    """What is otherwise than the state said."""
    if step.moment is not Moment.DONE or step.outputs == step.old_outputs:
        return
    if not step.outputs:
        yield Line(f" - {_kind(step)} {_name(step)} is gone", Style.BAD)
        return
    names = step.outputs.keys() | step.old_outputs.keys()
    changed = sorted(name for name in names if step.outputs.get(name) != step.old_outputs.get(name))
    yield Line(f" ~ {_kind(step)} {_name(step)} has changed  [{', '.join(changed[:MOST_CHANGES])}]", Style.CHANGED)


def _kind(step: Step) -> str:
    return step.type.rpartition(":")[2]


def _done(step: Step, seconds: float) -> Line:
    word = DONE_WORDS.get(step.operation, step.operation)
    took = f" ({seconds_of(seconds)})" if seconds >= 1 else ""
    return Line(f"{SIGNS.get(step.operation, ' '):>2} {_kind(step)} {_name(step)} {word}{took}", _style(step.operation))


def _result(step: Step) -> Line:
    outputs = step.outputs
    metrics = "  ".join(
        f"{name}={value:.4g}" for name, value in (outputs.get("metrics") or {}).items() if _is_number(value)
    )
    parts = [
        f"{_name(step)}: {outputs.get('status')}",
        seconds_of(float(outputs["duration_seconds"])) if _is_number(outputs.get("duration_seconds")) else "",
        metrics,
        str(outputs.get("web_url") or ""),
    ]
    style = (
        Style.BAD if is_failure(outputs) else Style.GOOD if outputs.get("status") == Status.COMPLETED else Style.PLAIN
    )
    return Line("  ".join(part for part in parts if part), style)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _changed_outputs(step: Step) -> Iterator[Line]:
    """The outputs of the stack that differ from those before, but for those of runs, which have a line of their own."""
    for name in sorted(step.outputs.keys() - {"runs"}):
        old = dict(_leaves(name, step.old_outputs.get(name)))
        for path, value in _leaves(name, step.outputs[name]):
            if old.get(path) != value and value not in UNKNOWN_TEXTS:
                yield Line(f"{path}: {value}", Style.FAINT)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _leaves(f"{path}.{key}", value[key])
    elif value is not None and value != "":
        yield path, str(value)


def _style(operation: str) -> Style:
    if operation in ("create", "import"):
        return Style.NEW
    return Style.BAD if operation.startswith("delete") else Style.CHANGED


def _plan(changes: Mapping[str, int]) -> str:
    planned = [f"{changes[name]} to {name}" for name in PLANNED if changes.get(name)]
    return ", ".join([*planned, *([f"{changes['same']} unchanged"] if changes.get("same") else [])])


def _counts(changes: Mapping[str, int]) -> str:
    counts = [f"{changes[name]} {DONE_WORDS.get(name, name)}" for name in PLANNED if changes.get(name)]
    if same := changes.get("same", 0):
        counts.append(f"{same} unchanged")
    return ", ".join(counts) or "nothing done"


def _without_count(text: str) -> str:
    """An error's text without the heading `1 error occurred:` and the marks that the engine puts before each."""
    lines = text.splitlines()
    if lines and lines[0].rstrip().endswith("occurred:"):
        lines = lines[1:]
    return "\n".join(line.removeprefix("\t* ") for line in lines)
