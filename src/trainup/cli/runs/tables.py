"""The records of a stack as a table, as JSON, and while they change."""

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

from trainup.cli import results, trials
from trainup.cli import stack as stacks
from trainup.cli.runs import places, recorded, shown
from trainup.cli.table import aligned
from trainup.core import suggest
from trainup.jobs.target import Record, TargetError

PAUSE = 2.0
"""Seconds between two looks of `--watch`."""
Listed = tuple[Record, bool]
"""A record, and whether it is a current attempt."""


def list_once(stack: str, *, with_all: bool, as_json: bool) -> None:
    """Print the records of the stack's runs."""
    listed = next(_looks(stack, with_all))
    print(_as_json(listed)) if as_json else shown.show(as_table(listed, with_all=with_all))


def watch(stack: str, *, with_all: bool, as_json: bool) -> None:
    """Show the records until no run is active."""
    looks = _looks(stack, with_all)
    if as_json or not sys.stdout.isatty():
        _print_changes(looks, as_json=as_json)
    else:
        _redraw(looks, with_all=with_all)


def list_history(stack: str, run: str | None, *, as_json: bool) -> None:
    """Print all attempts, or those of one run, oldest first. Raises TargetError if it never had such a run."""
    everything = recorded.attempts(*places.open_records(stack), measured=as_json)
    listed = [(one.record, one.current) for one in everything if run is None or trials.is_of(one.record, run)]
    if run and not listed:
        names = sorted({one.record.run for one in everything})
        raise TargetError(suggest.unknown(run, names, f"stack {stack!r} has never had a run {run!r}"))
    if as_json:
        print(_as_json(listed))
        return
    with_run = any(record.trials for record, _ in listed)
    rows = [("STARTED", *(("RUN",) if with_run else ()), "NAME", "STATUS", "COMMIT", "DIRTY")]
    for record, _ in listed:
        called = (record.run,) if with_run else ()
        rows.append((shown.moment(record.created), *called, record.name, str(record.status), *shown.commit(record)))
    shown.show(aligned(rows))


def as_table(listed: list[Listed], *, with_all: bool = False) -> str:
    """A line for each record, then one for each that has something to tell."""
    started = ("STARTED",) if with_all else ()
    rows: list[tuple[str, ...]] = [("RUN", "NAME", "STATUS", "SECONDS", *started, "METRICS")]
    for record, _ in listed:
        begin = (shown.moment(record.created),) if with_all else ()
        seconds = f"{record.duration_seconds:.1f}"
        rows.append((record.run, record.name, str(record.status), seconds, *begin, shown.metrics(record.metrics)))
    reasons = [f"{record.name}: {text}" for record, _ in listed if (text := shown.reason(record))]
    return "\n".join([aligned(rows), *reasons])


def _as_json(listed: list[Listed]) -> str:
    return json.dumps([shown.values_of(record, current=current) for record, current in listed], indent=2)


def _looks(stack: str, with_all: bool) -> Iterator[list[Listed]]:
    """The records of the stack, as often as they are asked for; the last time when no run is active."""
    pause = threading.Event()
    while True:
        current, project = places.open_records(stack, whole=with_all)
        if with_all:
            listed = [(one.record, one.current) for one in recorded.attempts(current, project)]
        else:
            listed = [(record, True) for record in trials.in_order(results.now(current, project))]
            if not listed:
                stacks.open_stack(stack)  # a stack that is gone, and not only without runs, is told
        yield listed
        if all(record.status.is_terminal for record, _ in listed):
            return
        pause.wait(PAUSE)


def _print_changes(looks: Iterator[list[Listed]], *, as_json: bool) -> None:
    """A line for each record at first, and then for each that has got another status or reason."""
    told: dict[str, Any] = {}
    for listed in looks:
        for record, current in listed:
            now = record.status, shown.reason(record)
            if told.get(record.name) != now:
                told[record.name] = now
                text = ", ".join(str(part) for part in now if part)
                values = shown.values_of(record, current=current)
                print(json.dumps(values) if as_json else f"{record.name}: {text}", flush=True)


def _redraw(looks: Iterator[list[Listed]], *, with_all: bool) -> None:
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False) as live:
        for listed in looks:
            table = shown.fitted(as_table(listed, with_all=with_all), shown.width())
            text = Text.from_ansi(shown.coloured(table)) if shown.has_colour() else Text(table)
            live.update(text, refresh=True)
