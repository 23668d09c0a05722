"""`trainup diff RUN RUN`: two recorded runs side by side."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trainup.cli import stack as stacks
from trainup.cli.options import on_stack
from trainup.cli.planning.texts import INDENT, table, wrapped
from trainup.core.errors import TrainupError
from trainup.core.numbers import to_plain
from trainup.jobs.target import File

if TYPE_CHECKING:
    from trainup.cli.runs.lookup import RecordedRun
    from trainup.jobs.facts.runs import Comparison

VERSION = 1
"""Of the form of the JSON; within a version, keys are only added."""
DIGITS = 4
"""Significant digits of a metric."""
NOTHING = "-"


@on_stack
@click.command()
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@click.option("--diff", "--full", "with_lines", is_flag=True, help="also the changed lines of files")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object, for programs")
def diff(first: str, second: str, stack: str, with_lines: bool, as_json: bool) -> None:
    """Show how two runs differ: code, arguments, packages, data, variables, metrics.

    RUN is a run's name (its current attempt), the name of any recorded attempt, or the beginning of an id."""
    from trainup.cli.runs import lookup, places

    current, project = places.open_records(stack, whole=False)
    runs = lookup.find(current, project, first), lookup.find(current, project, second)
    result = compared(*runs, stacks.secret_texts(stack, current) if with_lines else ())
    if not with_lines:
        result = _without_lines(result)
    if as_json:
        print(json.dumps(to_plain(result), indent=2, ensure_ascii=False))
    else:
        print(as_text(result, shutil.get_terminal_size().columns))


def compared(first: "RecordedRun", second: "RecordedRun", secrets: Sequence[str] = ()) -> dict[str, Any]:
    """Both runs and their differences as JSON values; the texts of `secrets` are masked in lines of files."""
    from trainup.jobs.facts import runs as facts

    pair = (first, second)
    names = first.record.name, second.record.name
    definitions = first.target.definition(names[0]), second.target.definition(names[1])
    notes: list[str] = []
    files = _code(first, notes), _code(second, notes)
    comparison = facts.compare(names, definitions, files, secrets)
    return {"version": VERSION, "runs": [_facts(run) for run in pair], **_differences(comparison, notes)}


def _code(run: "RecordedRun", notes: list[str]) -> list[File] | None:
    try:
        return run.target.code(run.record.name)
    except (TrainupError, OSError) as error:
        notes.append(f"the code of {run.record.name} is not at hand: {error}")
        return None


def _facts(run: "RecordedRun") -> dict[str, Any]:
    record = run.record
    return {
        "name": record.name,
        "run": record.run,
        "digest": record.digest,
        "status": str(record.status),
        "created": record.created,
        "duration_seconds": record.duration_seconds,
        "cost": record.cost,
        "metrics": dict(record.metrics),
        "best": dict(record.best),
    }


def _differences(comparison: "Comparison", notes: Sequence[str]) -> dict[str, Any]:
    return {
        "code": [{**asdict(change), "text": change.text} for change in comparison.files],
        "inputs": [
            {"key": reason.key, "text": reason.text, "in_place": reason.in_place} for reason in comparison.reasons
        ],
        "packages": list(comparison.packages),
        "notes": [*notes, *comparison.notes],
    }


def _without_lines(result: dict[str, Any]) -> dict[str, Any]:
    code = [{**change, "lines": {**change["lines"], "shown": ()}} for change in result["code"]]
    return {**result, "code": code}


def as_text(result: Mapping[str, Any], width: int) -> str:
    """The comparison for people, in lines of at most `width` columns where names and numbers allow it."""
    first, second = result["runs"]
    lines = list(table(_rows(first, second), width))
    identity = [item["text"] for item in result["inputs"] if not item["in_place"] and not _is_told(item, result)]
    policy = [item["text"] for item in result["inputs"] if item["in_place"]]
    sections = (
        ("Code", [change["text"] for change in result["code"]]),
        ("Inputs", identity),
        ("Packages", result["packages"]),
        ("No part of the identity", policy),
    )
    for title, texts in sections:
        if texts:
            lines += ["", title, *_indented(texts, width)]
    if not any(texts for _, texts in sections):
        lines += ["", "Nothing that is recorded differs but what is above."]
    for change in result["code"]:
        if shown := change["lines"]["shown"]:
            lines += ["", change["text"], *(f"{'':{INDENT}}{line}".rstrip() for line in shown)]
    if result["notes"]:
        lines += ["", *(line for note in result["notes"] for line in wrapped(note, width, "note: ", " " * INDENT))]
    return "\n".join(lines)


def _is_told(item: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether the packages tell the same."""
    return item["key"] == "image" and bool(result["packages"])


def _rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = [
        ("", first["name"], second["name"], "DIFFERENCE"),
        ("status", first["status"], second["status"], ""),
        ("created", first["created"][:19] or NOTHING, second["created"][:19] or NOTHING, ""),
        _numbers("seconds", first["duration_seconds"], second["duration_seconds"]),
    ]
    if first["cost"] or second["cost"]:
        rows.append(_numbers("cost in USD", first["cost"], second["cost"]))
    return [*rows, *metric_rows(first["metrics"], second["metrics"])]


def metric_rows(before: Mapping[str, float], now: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Name, both values and the difference of each metric."""
    return [_numbers(name, before.get(name), now.get(name)) for name in sorted(before.keys() | now.keys())]


def _numbers(name: str, before: float | None, now: float | None) -> tuple[str, ...]:
    texts = [NOTHING if value is None else f"{value:.{DIGITS}g}" for value in (before, now)]
    difference = ""
    if before is not None and now is not None and math.isfinite(now - before) and now != before:
        difference = f"{now - before:+.{DIGITS}g}".replace("-", "−")
    return name, *texts, difference


def _indented(texts: Sequence[str], width: int) -> Iterator[str]:
    for text in texts:
        yield from wrapped(text, width, " " * INDENT, " " * (INDENT + 2))
