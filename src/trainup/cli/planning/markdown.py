"""The plan of a stack as Markdown, for a comment on a pull request."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainup.cli.planning import plan as plans
from trainup.cli.planning.texts import facts_of, lines_of, summary

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def as_markdown(plan: Mapping[str, Any]) -> str:
    """The plan. What files and settings hold is escaped: it can neither format the comment nor mention anybody."""
    stack = escaped(plan["stack"])
    if not plan["ok"]:
        parts = [f"### The preview of stack {stack} failed", *(_block(text) for text in plan["findings"])]
    else:
        parts = [f"### Plan of stack {stack}: {summary(plan)}"]
        if resources := plans.changing(plan):
            rows = [("Action", "Resource", "Type"), *((one["action"], one["name"], one["type"]) for one in resources)]
            parts.append(_table(rows))
        for told in plans.told(plan):
            parts += _facts(told)
        parts += [_section(section) for section in plan["sections"]]
    parts += [f"- {_kind(item)}: {escaped(item['message'])}" for item in plan["diagnostics"]]
    return "\n\n".join(parts)


def escaped(text: str) -> str:
    """The text as itself, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("@", "&#64;")


def _facts(told: Mapping[str, Any]) -> Iterator[str]:
    lines = [f"#### {told['kind'].capitalize()} {escaped(told['name'])}: {told['action']}\n"]
    for label, text in facts_of(told):
        lines.append(f"- {label}: {escaped(text)}" if label else f"  - {escaped(text)}")
    yield "\n".join(lines)
    for text, changed in lines_of(told):
        block = _block("\n".join(changed), "diff")
        yield f"<details><summary>{escaped(text)}</summary>\n\n{block}\n\n</details>"


def _section(section: Mapping[str, Any]) -> str:
    return "\n".join([f"#### {escaped(section['title'])}\n", *(f"- {escaped(line)}" for line in section["lines"])])


def _kind(item: Mapping[str, str]) -> str:
    kind = "**warning**" if item["severity"] == "warning" else "note"
    return f"{kind} ({escaped(item['resource'])})" if item["resource"] else kind


def _block(text: str, language: str = "") -> str:
    """A block of code; its fence is longer than any in the text."""
    longest = max((len(match) for match in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = ([escaped(text) for text in row] for row in rows)
    lines = [head, ["---"] * len(head), *others]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
