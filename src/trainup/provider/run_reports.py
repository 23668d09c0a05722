"""What the user sees of a run: its progress, its outputs and the report of a failure."""

from trainup.core.costs import amount_text
from trainup.core.failure import FailureClass
from trainup.core.slow_phases import length
from trainup.core.status import PHASES, Status
from trainup.jobs import lifecycle, outputs
from trainup.jobs.target import Record, Target
from trainup.provider.handler import Context, Properties
from trainup.provider.run_alarms import Alarm

TAIL_LINES = 20
BURST = 20
"""Log lines that arrive together are shown as one message from this number on."""


def listener(context: Context, alarm: Alarm) -> lifecycle.Listener:
    """A listener that shows the lines and the status changes of a run as progress, and names slow phases."""
    before: dict[str, Status] = {}
    pages: set[str] = set()

    def lines(texts: list[str]) -> None:
        if len(texts) >= BURST:
            context.info("\n".join(texts))
        else:
            for text in texts:
                context.info(text)

    def status(record: Record) -> None:
        last = before.get(record.name)
        phase = PHASES.get(last, "") if last is not None else ""
        if last is not record.status and phase in record.phases:
            context.info(f"{record.name}: was {last} for {length(record.phases[phase])}")
        if record.web_url and record.web_url not in pages:
            pages.add(record.web_url)
            context.info(f"{record.name}: its page is {record.web_url}")
        before[record.name] = record.status
        context.info(f"{record.name}: {record.status}" + (f", {record.note}" if record.note else ""))

    return lifecycle.Listener(lines, status, alarm.look)


def record_outputs(record: Record, target: Target) -> Properties:
    """The outputs that are read from the target's record."""
    result: Properties = outputs.outputs_of(record)
    result |= {"reproduce": record.reproduce, "abandoned": record.abandoned, "log_tail": None}
    if record.failure:
        result["log_tail"] = target.log_tail(record.name, TAIL_LINES)
    return result


def report(record: Record, tail: list[str] | None) -> str:
    """What a user needs to act on a failure, in one message."""
    parts = [sentence(record)]
    if tail:
        parts += [f"last lines of the log ({record.log_uri}):", *(f"  {line}" for line in tail)]
    if record.web_url:
        parts.append(f"its page: {record.web_url}")
    parts.append(f"the same by hand: {record.reproduce}")
    if record.failure:
        parts.append(f"what to do: {record.failure.remedy}")
    return "\n".join(parts)


def last_time(outputs: Properties) -> str | None:
    """What the run that is replaced took and cost, from its outputs; None where it never began.

    `the last one, digits-6c3e449ba5eb (Completed), took queued 3.2 s, running 12 m 4 s, and cost 0.13 US dollars`
    """
    spent = outputs.get("phases") or {}
    phases = {name: float(spent[name]) for name in PHASES.values() if spent.get(name)}
    if not phases:
        return None
    took = ", ".join(f"{name} {length(seconds)}" for name, seconds in phases.items())
    cost = float(outputs.get("cost") or 0)
    paid = f", and cost {amount_text(cost)} US dollars" if cost else ""
    return f"the last one, {outputs.get('name')} ({outputs.get('status')}), took {took}{paid}"


def sentence(record: Record) -> str:
    """The status of a run and the reason for it, as one sentence."""
    if record.abandoned:
        return f"{record.name} was accepted and never started, for what should start it is gone"
    if not record.failure:
        return f"{record.name} is {record.status}"
    kind: FailureClass = record.failure.failure_class
    return f"{record.name} {record.status} ({kind}): {record.failure.message}"
