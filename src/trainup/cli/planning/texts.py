"""The plan of a stack as text for people."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainup.cli.planning import plan as plans
from trainup.cli.planning.preview import UNCHANGED
from trainup.cli.stack import RUN_TYPE, SWEEP_TYPE
from trainup.jobs.facts.wording import amount, listed, size

INDENT = 4
LABEL = 9
"""Columns of the word that begins a line of facts."""
MOST_PATHS = 6
MOST_NAMED = 20
NARROWEST = 40
TOLD_BELOW = (RUN_TYPE, SWEEP_TYPE, "trainup:index:Image")


def summary(plan: Mapping[str, Any]) -> str:
    """`1 to create, 2 to replace, 10 unchanged`."""
    words = {"create": "to create", "update": "to update", "replace": "to replace", "delete": "to delete"}
    texts = [f"{count:,} {words[action]}" for action, count in plan["counts"].items() if action in words]
    if unchanged := plan["counts"].get(UNCHANGED):
        texts.append(f"{unchanged:,} unchanged")
    return ", ".join(texts) or "no resources"


def as_text(plan: Mapping[str, Any], width: int) -> str:
    """The plan in lines of at most `width` columns."""
    width = max(width, NARROWEST)
    if not plan["ok"]:
        parts = [f"The preview of stack {plan['stack']} failed:", *_bullets(plan["findings"], width)]
        return "\n".join([*parts, *_diagnostics(plan["diagnostics"], width)])
    lines = wrapped(f"Plan of stack {plan['stack']}: {summary(plan)}", width, "", " " * INDENT)
    if resources := plans.changing(plan):
        lines += ["", *table(_rows(resources, width), width)]
    for told in plans.told(plan):
        lines += ["", f"{told['kind'].capitalize()} {told['name']}: {told['action']}", *_facts(told, width)]
    for section in plan["sections"]:
        lines += ["", *wrapped(section["title"], width, "", " " * INDENT)]
        lines += [one for text in section["lines"] for one in wrapped(text, width, " " * INDENT, " " * (INDENT + 2))]
    return "\n".join([*lines, *_diagnostics(plan["diagnostics"], width)])


def _rows(resources: Sequence[Mapping[str, Any]], width: int) -> list[tuple[str, ...]]:
    """The resources as rows. In what runs and images differ is told below, in words."""
    rows: list[tuple[str, ...]] = [("ACTION", "RESOURCE", "TYPE", "DIFFERS IN")]
    most = max(width - 50, 24)
    for one in resources:
        is_told = one["action"] not in ("update", "replace") or one["type"] in TOLD_BELOW
        changes = "" if is_told else listed(list(one["changes"]), MOST_PATHS)
        name = one["name"] if len(one["name"]) <= most else f"{one['name'][: most - 1]}…"
        rows.append((one["action"], name, one["type"].rpartition(":")[2], changes))
    return rows if any(row[-1] for row in rows[1:]) else [row[:-1] for row in rows]


def facts_of(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(label, text) of each fact about a run or an image."""
    for reason in told["reasons"]:
        yield ("in place" if reason["in_place"] else "why"), reason["text"]
    for upload in told["uploads"]:
        yield "upload", upload["summary"]
        yield from (("", text) for text in _upload(upload))
    for note in told["notes"]:
        yield "note", note


def _upload(upload: Mapping[str, Any]) -> Iterator[str]:
    if upload["changes"]:
        yield f"against the last run: {listed([change['text'] for change in upload['changes']], MOST_NAMED)}"
    elif upload["is_first"]:
        yield "against the last run: there is none, everything is new"
    elif upload["changes"] is not None:
        yield "against the last run: the same files"
    if upload["largest"]:
        yield "largest: " + ", ".join(f"{path} {size(count)}" for path, count in upload["largest"])
    for rule in upload["kept_out"]:
        where = f"({rule['file']}:{rule['line']})" if rule["file"] else "(always left out)"
        least = "at least " if rule["is_least"] else ""
        yield f"kept out by {rule['rule']} {where}: {least}{amount(rule['files'], 'file')}, {size(rule['bytes'])}"


def lines_of(told: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    """(text of the reason, changed lines) of each reason that has lines."""
    yield from ((reason["text"], reason["lines"]) for reason in told["reasons"] if reason["lines"])


def _facts(told: Mapping[str, Any], width: int) -> Iterator[str]:
    last = ""
    for label, text in facts_of(told):
        word = label if label != last else ""
        last = label or last
        yield from wrapped(text, width, f"{'':{INDENT}}{word:{LABEL}}", " " * (INDENT + LABEL))
    for text, lines in lines_of(told):
        yield f"{'':{INDENT}}{text}"
        yield from (f"{'':{INDENT}}{line}".rstrip() for line in lines)


def _diagnostics(diagnostics: Sequence[Mapping[str, str]], width: int) -> Iterator[str]:
    if diagnostics:
        yield ""
    for item in diagnostics:
        kind = "warning" if item["severity"] == "warning" else "note"
        resource = f" ({item['resource']})" if item["resource"] else ""
        yield from wrapped(item["message"], width, f"{kind}{resource}: ", " " * INDENT)


def _bullets(texts: Sequence[str], width: int) -> Iterator[str]:
    for text in texts:
        yield from wrapped(text, width, "  ", "  ")


def wrapped(text: str, width: int, first: str, further: str) -> list[str]:
    """The text in lines of at most `width` columns, where its words allow it; `first` and `further` begin them."""
    lines: list[str] = []
    for line in text.splitlines():
        lines += textwrap.wrap(
            line,
            width,
            initial_indent=further if lines else first,
            subsequent_indent=further,
            break_on_hyphens=False,
            break_long_words=False,
        )
    return lines or [first.rstrip()]


def table(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """The rows in columns; the last column is wrapped."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    further = " " * (sum(widths) + 2 * len(widths))
    if len(further) > width - 16:  # no room beside the others: below them
        further = " " * INDENT
    for row in rows:
        *texts, last = row
        start = "".join(f"{text:{size}}  " for text, size in zip(texts, widths, strict=True))
        if last and len(start) > width - 16:
            yield start.rstrip()
            yield from wrapped(last, width, further, further) if row is not rows[0] else ()
        else:
            yield from wrapped(last, width, start, further)
