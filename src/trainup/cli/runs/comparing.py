"""`trainup compare`: the runs of a stack side by side, by metric and argument."""

import csv
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from trainup.cli import trials
from trainup.cli.options import on_stack
from trainup.cli.runs import places, recorded, shown, tables
from trainup.cli.table import aligned
from trainup.core import suggest
from trainup.core.numbers import to_plain
from trainup.jobs import comparing
from trainup.jobs.comparing import Compared
from trainup.jobs.target import Record, TargetError

VERSION = 1
"""Of the form of the JSON; within a version, keys are only added."""
WIDEST = 24
"""Characters of an argument's value in the table."""
GAP = 2
"""Blanks between columns."""
Column = tuple[str, Callable[[Compared], str]]


@on_stack
@click.command()
@click.argument("runs", metavar="[RUN]…", nargs=-1)
@click.option("--all", "with_all", is_flag=True, help="also runs of former inputs; those of a RUN are always there")
@click.option("--metric", "-m", "metrics", multiple=True, metavar="NAME", help="show this metric alone; repeatable")
@click.option("--argument", "-a", "arguments", multiple=True, metavar="NAME", help="show this argument; repeatable")
@click.option("--best", is_flag=True, help="the best values of metrics in place of the last ones")
@click.option("--sort", metavar="NAME", help="by a metric (best first), an argument, seconds, cost, started …")
@click.option("--ascending/--descending", "ascending", default=None, help="the other order")
@click.option("--filter", "conditions", multiple=True, metavar="CONDITION", help="accuracy>=0.9, status=Completed …")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object, with all arguments and metrics")
@click.option("--csv", "as_csv", is_flag=True, help="as comma-separated values, with all arguments and metrics")
def compare(
    runs: tuple[str, ...],
    stack: str,
    with_all: bool,
    metrics: tuple[str, ...],
    arguments: tuple[str, ...],
    best: bool,
    sort: str | None,
    ascending: bool | None,
    conditions: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
) -> None:
    """Compare runs by their metrics and by the arguments in which they differ, from the targets' own records.

    RUN is the name of a run or of a sweep, or the beginning of an id: all its runs or trials are compared, those of
    former inputs too. Without RUN, it is those that the stack declares now. Of a run that was tried again, the last
    attempt counts.
    """
    rows = comparing.of(_records(stack, runs, with_all=with_all, best=best), best=best)
    try:
        rows = comparing.filtered(rows, conditions)
        if sort or len(metrics) == 1:
            descending = None if ascending is None else not ascending
            rows = comparing.ordered(rows, sort or metrics[0], descending=descending)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        print(json.dumps(to_plain({"version": VERSION, "runs": [_values(row) for row in rows]}), indent=2))
    elif as_csv:
        _write_csv(rows)
    elif not rows:
        print("no run meets these conditions" if conditions else "the stack has no runs yet", file=sys.stderr)
    else:
        _show(rows, metrics, arguments)


def _records(stack: str, runs: Sequence[str], *, with_all: bool, best: bool) -> list[tables.Listed]:
    listed = [(one.record, one.current) for one in recorded.attempts(*places.open_records(stack), best=best)]
    for text in runs:
        if not any(_is_meant(record, text) for record, _ in listed):
            names = sorted({record.run for record, _ in listed})
            raise TargetError(suggest.unknown(text, names, f"stack {stack!r} has never had a run {text!r}"))
    if runs:
        return [one for one in listed if any(_is_meant(one[0], text) for text in runs)]
    return listed if with_all else [one for one in listed if one[1]]


def _is_meant(record: Record, text: str) -> bool:
    return trials.is_of(record, text) or record.name.startswith(text) or record.id.startswith(text)


def _show(rows: Sequence[Compared], metrics: Sequence[str], arguments: Sequence[str]) -> None:
    """The table as wide as the terminal allows; columns that have no room are named."""
    chosen = list(arguments) or ([] if metrics else comparing.arguments_that_differ(rows))
    named = list(metrics) or ([] if arguments else comparing.metrics_of(rows))
    if metrics and not arguments:
        chosen = comparing.arguments_that_differ(rows)
    with_run = any(row.record.trials for row in rows)  # other runs are called as their names begin
    columns: list[Column] = [
        *([("RUN", lambda row: row.record.run)] if with_run else list[Column]()),
        ("NAME", lambda row: row.record.name),
        ("STATUS", lambda row: str(row.record.status)),
        *((name, _argument(name)) for name in chosen),
        *((name, _metric(name)) for name in named),
        ("SECONDS", lambda row: f"{row.record.duration_seconds:.1f}"),
    ]
    table = [[title for title, _ in columns], *([text(row) for _, text in columns] for row in rows)]
    kept = _that_fit(table, shown.width(), 3 if with_run else 2)
    shown.show(aligned([[line[index] for index in kept] for line in table]))
    if left_out := [title for index, (title, _) in enumerate(columns) if index not in kept]:
        note = f"no room for {', '.join(left_out)}: --metric and --argument choose columns, --json has all"
        print(note, file=sys.stderr)


def _that_fit(table: Sequence[Sequence[str]], width: int | None, always: int) -> list[int]:
    """The columns that fit into the width, from the left; the first ones are always there."""
    kept: list[int] = []
    used = -GAP
    for index in range(len(table[0])):
        used += GAP + max(len(line[index]) for line in table)
        if width is None or index < always or used <= width:
            kept.append(index)
        else:
            used -= GAP + max(len(line[index]) for line in table)
    return kept


def _argument(name: str) -> Callable[[Compared], str]:
    def text(row: Compared) -> str:
        value = " ".join(row.parameters.get(name, shown.NOTHING).split())
        return value if len(value) <= WIDEST else f"{value[: WIDEST - 3]}..."

    return text


def _metric(name: str) -> Callable[[Compared], str]:
    return lambda row: f"{row.metrics[name]:.4g}" if name in row.metrics else shown.NOTHING


def _values(row: Compared) -> dict[str, Any]:
    values = shown.values_of(row.record, current=row.current)
    del values["reproduce"]  # its words are not masked
    return {
        **values,
        "arguments": dict(row.parameters),
        "compared": dict(row.metrics),
    }


def _write_csv(rows: Sequence[Compared]) -> None:
    arguments = list(dict.fromkeys(name for row in rows for name in row.parameters))
    metrics = comparing.metrics_of(rows)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    facts = list(comparing.FACTS)
    writer.writerow([*facts, *(f"argument.{name}" for name in arguments), *(f"metric.{name}" for name in metrics)])
    for row in rows:
        writer.writerow(
            [
                *(comparing.FACTS[name](row.record) for name in facts),
                *(row.parameters.get(name, "") for name in arguments),
                *(to_plain(row.metrics[name]) if name in row.metrics else "" for name in metrics),
            ]
        )
