"""`trainup status`: one run in full, or how the stack stands."""

import json
import os
from collections import Counter
from typing import Any

import click

from trainup.cli import results, trials
from trainup.cli.options import on_stack
from trainup.cli.runs import lookup, masking, places, shown
from trainup.cli.runs.tables import as_table
from trainup.core.trials import early_reason
from trainup.core.wording import as_typed
from trainup.jobs.target import Record


@on_stack
@click.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="as one object")
def status(run: str | None, stack: str, as_json: bool) -> None:
    """Show RUN in full, or how the stack stands.

    RUN is a run's name (its current attempt), the name of any recorded attempt, or the beginning of an id."""
    current, project = places.open_records(stack)
    if run is None:
        records = results.now(current, project)
        missing = sorted(current.runs.keys() - records.keys())
        if as_json:
            print(json.dumps(_stack_values(current.name, records, missing), indent=2))
        else:
            shown.show(_stack_text(current.name, records, missing))
        return
    known = lookup.find(current, project, run)
    record = known.target.live(known.record)
    if record.failure and masking.unmasked(current, known.target, known.record):
        record = masking.without_message(record)
    is_current = current.runs.get(record.run, {}).get("id") == record.id or record.id in trials.ids_of(current)
    if as_json:
        print(json.dumps(shown.values_of(record, current=is_current), indent=2))
    else:
        shown.show(_run_text(record, is_current=is_current), whole=True)


def _stack_values(name: str, records: dict[str, Record], missing: list[str]) -> dict[str, Any]:
    by_status = Counter(str(record.status) for record in records.values())
    runs = [shown.values_of(record, current=True) for record in trials.in_order(records)]
    return {"stack": name, "runs_by_status": dict(sorted(by_status.items())), "runs": runs, "without_record": missing}


def _stack_text(name: str, records: dict[str, Record], missing: list[str]) -> str:
    by_status = Counter(str(record.status) for record in records.values())
    counts = ", ".join(f"{count} {word}" for word, count in sorted(by_status.items()))
    lines = [f"stack {name}: {counts or 'no runs yet, `trainup up` starts those that it declares'}"]
    if records:
        lines.append(as_table([(record, True) for record in trials.in_order(records)]))
    lines += [f"{run}: declared, and its target has no record of it: `trainup up` starts it" for run in missing]
    return "\n".join(lines)


def _attempt(record: Record) -> str:
    return f"attempt {record.attempt}" if record.attempt else "started by its schedule"


def _remedy(record: Record) -> str:
    """What to do about a failure; empty where nothing failed. A trial that ended early is a result."""
    if record.failure is None or early_reason(record.failure):
        return ""
    return as_typed(record.failure.remedy, os.environ)


def _run_text(record: Record, *, is_current: bool) -> str:
    """A line for each fact that is known."""
    former = "" if is_current else ", not what the stack declares now"
    commit, dirty = shown.commit(record)
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in record.phases.items())
    facts = {
        "run": f"{record.run}, {_attempt(record)}{former}",
        "name": record.name,
        "digest": record.digest,
        "status": str(record.status),
        "waiting": record.note,
        "failure": shown.reason(record) if record.failure else "",
        "to do": _remedy(record),
        "started": shown.moment(record.created),
        "phases": phases,
        "metrics": shown.metrics(record.metrics),
        "cost": f"{record.cost:.2f} USD" if record.cost else "",
        "commit": "" if not record.git else commit + (", and changed files" if dirty == "yes" else ""),
        "page": record.web_url,
        "log": record.log_uri,
        "outputs": record.outputs_uri,
        "by hand": record.reproduce,
    }
    known = {name: text for name, text in facts.items() if text}
    return "\n".join(f"{name:<8} {text}" for name, text in known.items())
