"""What is worth showing of the engine's events: lines that stay, and a row for each resource that moves.

It knows no terminal: `live.py` and `plain.py` render it.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from trainup.cli.stack import GATE_TYPE, RUN_TYPE, SWEEP_TYPE
from trainup.cli.terminal import lines
from trainup.cli.terminal.events import STACK_TYPE, Event, Message, Moment, Step, Summary
from trainup.cli.terminal.lines import Line, Style
from trainup.core.naming import JOB_NAME, is_job_name
from trainup.core.status import Status

NEWS = re.compile(rf"(?:{JOB_NAME.pattern}): (?P<news>was \w+ for .+|its page is .+)")
TRAINING = (RUN_TYPE, SWEEP_TYPE)
GENERIC = frozenset({"update failed", "preview failed", "refresh failed", "destroy failed"})
"""Errors that only say that there are others."""
OUR_PLUGIN = "using pulumi-resource-trainup from $PATH"
"""How the engine begins a warning about a plugin that it finds on PATH, even where `trainup` has started its own."""


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
    planned_outputs: list[Line] = field(default_factory=list)
    """The outputs of the stack that an update would change."""
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
        """Whether nothing failed but runs in the training itself, and perhaps gates."""
        failed = [step for step in self.failed.values() if not _is_refusal(step)]
        return bool(failed) and all(step.type in TRAINING and lines.is_failure(step.outputs) for step in failed)

    def has_refused_candidate(self) -> bool:
        """Whether nothing failed but gates, which refused their candidates."""
        return bool(self.failed) and all(map(_is_refusal, self.failed.values()))

    def has_changed(self) -> bool:
        """Whether the command may have changed something."""
        updates = [summary for summary in self.summaries if not summary.is_preview]
        return bool(self.failed) or any(set(summary.changes) - {"same"} for summary in updates)

    def _step(self, step: Step) -> Iterator[Line]:
        if step.type == STACK_TYPE:
            if step.moment is Moment.DONE and self.is_preview:
                self.planned_outputs = list(lines.changed_outputs(step))
            elif step.moment is Moment.DONE:
                yield from lines.changed_outputs(step)
            return
        if step.is_component or step.operation == "same" or step.type.startswith("pulumi:providers:"):
            return
        if step.operation == "refresh":
            yield from lines.refreshed(step)
        elif step.moment is Moment.BEGUN and self.is_preview:
            if step.operation not in ("create-replacement", "delete-replaced"):
                yield Line(lines.planned(step), lines.style_of(step.operation))
        elif step.moment is Moment.BEGUN:
            if step.operation == "replace":
                return  # only says that the new one is there and the old one goes
            self.rows[step.urn] = Row(lines.name(step), self.now(), step.type == RUN_TYPE)
        else:
            row = self.rows.pop(step.urn, None)
            seconds = self.now() - row.started if row else 0.0
            if step.moment is Moment.FAILED:
                self.failed[step.urn] = step
            if step.operation == "replace" or self.is_preview:
                return
            if step.type in TRAINING and step.outputs.get("status") and not step.operation.startswith("delete"):
                self.results.append(lines.result(step))
                yield Line(f"{lines.name(step)}: {step.outputs.get('status')}", self.results[-1].style)
            elif step.moment is Moment.DONE:
                yield lines.done(step, seconds)

    def _message(self, message: Message) -> Iterator[Line]:
        if message.severity == "debug" or not message.text.strip() or message.text.startswith(OUR_PLUGIN):
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
        about = "" if not message.urn or STACK_TYPE in message.urn else f"{lines.short(message.urn)}: "
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
                yield Line(f"{row.name}: {news['news']}", Style.FAINT, is_in_row=news["news"].startswith("was "))
            elif row and row.is_run:
                row.detail = text
                yield Line(text, run=row.name)
            elif self._last.get(message.urn) != text:
                self._last[message.urn] = text
                if row:
                    row.detail = text
                yield Line(
                    f"{row.name if row else lines.short(message.urn)}: {text}", Style.FAINT, is_in_row=row is not None
                )

    def _summary(self, summary: Summary) -> Iterator[Line]:
        self.summaries.append(summary)
        if summary.is_preview and set(summary.changes) - {"same"}:
            yield Line(lines.plan(summary.changes))
        self.is_preview = False


def end(view: View) -> list[Line]:
    """The last lines of a command: what failed and why, and what was done."""
    shown = list(view.results)
    for message in view.errors:
        about = "" if not message.urn or STACK_TYPE in message.urn else f"{lines.short(message.urn)}: "
        texts = [text for text in lines.without_count(message.text).splitlines() if text.strip()]
        shown += [
            Line(f"error: {about}{text}" if index == 0 else f"  {text}", Style.BAD if index == 0 else Style.PLAIN)
            for index, text in enumerate(texts)
        ]
    if not view.summaries:
        return shown
    summary = view.summaries[-1]
    if summary.is_preview and not view.errors:
        shown += view.planned_outputs
    if not summary.is_preview or not set(summary.changes) - {"same"}:
        failures = f", {len(view.failed)} failed" if view.failed else ""
        shown.append(Line(f"{lines.counts(summary.changes)}{failures}; {lines.seconds_of(summary.seconds)}"))
    return shown


def _is_refusal(step: Step) -> bool:
    """Whether a gate has judged its candidate, and did not let it through."""
    return step.type == GATE_TYPE and step.outputs.get("passed") is False


def _phase_of(text: str) -> tuple[str, str]:
    """(status, what it waits for) of the provider's line `digits-0123456789ab: Queued, behind 2 runs`; else empty."""
    attempt, _, rest = text.partition(": ")
    status, _, note = rest.partition(", ")
    is_status = is_job_name(attempt) and status in {str(one) for one in Status}
    return (status, note) if is_status else ("", "")
