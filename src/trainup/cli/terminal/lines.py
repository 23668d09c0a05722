"""Lines about steps: how a resource, its change and its result are put into words."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trainup.cli.stack import RUN_TYPE, SIGNATURE, SWEEP_TYPE
from trainup.cli.terminal.events import Moment, Step
from trainup.core.status import Status
from trainup.core.values import UNKNOWN_TEXTS

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
MOST_CHANGES = 6
"""Changed properties that a line of a preview names."""


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


def name(step: Step) -> str:
    return str(step.inputs.get("run") or step.name) if step.type in (RUN_TYPE, SWEEP_TYPE) else step.name


def short(urn: str) -> str:
    name = urn.rpartition("::")[2]
    return name.removesuffix("-job") if f"{RUN_TYPE}::" in urn or f"{SWEEP_TYPE}::" in urn else name


def planned(step: Step) -> str:
    changes = [change for change in step.changes if not change.startswith("__")]
    more = f", and {len(changes) - MOST_CHANGES} more" if len(changes) > MOST_CHANGES else ""
    why = f"  [{', '.join(changes[:MOST_CHANGES])}{more}]" if changes else ""
    return f"{SIGNS.get(step.operation, ' '):>2} {step.operation:<7} {_kind(step)} {name(step)}{why}"


def refreshed(step: Step) -> Iterator[Line]:
    """What is otherwise than the state said."""
    if step.moment is not Moment.DONE or step.outputs == step.old_outputs:
        return
    if not step.outputs:
        yield Line(f" - {_kind(step)} {name(step)} is gone", Style.BAD)
        return
    names = step.outputs.keys() | step.old_outputs.keys()
    changed = sorted(name for name in names if step.outputs.get(name) != step.old_outputs.get(name))
    yield Line(f" ~ {_kind(step)} {name(step)} has changed  [{', '.join(changed[:MOST_CHANGES])}]", Style.CHANGED)


def _kind(step: Step) -> str:
    return step.type.rpartition(":")[2]


def done(step: Step, seconds: float) -> Line:
    word = DONE_WORDS.get(step.operation, step.operation)
    took = f" ({seconds_of(seconds)})" if seconds >= 1 else ""
    return Line(
        f"{SIGNS.get(step.operation, ' '):>2} {_kind(step)} {name(step)} {word}{took}", style_of(step.operation)
    )


def result(step: Step) -> Line:
    """The line of a run, or of a sweep with its best trial, that has ended."""
    outputs = _of_best(step.outputs) if step.type == SWEEP_TYPE else step.outputs
    metrics = "  ".join(
        f"{name}={value:.4g}" for name, value in (outputs.get("metrics") or {}).items() if _is_number(value)
    )
    parts = [
        f"{name(step)}: {outputs.get('status')}",
        seconds_of(float(outputs["duration_seconds"])) if _is_number(outputs.get("duration_seconds")) else "",
        metrics,
        str(outputs.get("web_url") or ""),
        str(outputs.get("trials_text") or ""),
    ]
    style = (
        Style.BAD if is_failure(outputs) else Style.GOOD if outputs.get("status") == Status.COMPLETED else Style.PLAIN
    )
    return Line("  ".join(part for part in parts if part), style)


def _of_best(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a sweep as if they were those of a run."""
    best: Mapping[str, Any] = outputs.get("best") or {}
    trials = outputs.get("trials") or []
    counts = Counter(str(trial.get("status")) for trial in trials)
    ended = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    arguments = ", ".join(f"{key}={value}" for key, value in (best.get("arguments") or {}).items())
    return {
        "status": outputs.get("status"),
        "metrics": best.get("metrics"),
        "web_url": best.get("web_url"),
        "trials_text": f"best: {arguments} (trials: {ended})" if best else f"trials: {ended}" if ended else "",
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def changed_outputs(step: Step) -> Iterator[Line]:
    """The outputs of the stack that differ from those before, but for those of runs, which have a line of their own."""
    for name in sorted(step.outputs.keys() - {"runs", "sweeps"}):
        old = dict(_leaves(name, step.old_outputs.get(name)))
        for path, text in _leaves(name, step.outputs[name]):
            if old.get(path) != text and not any(unknown in text for unknown in UNKNOWN_TEXTS):
                yield Line(f"{path}: {text}", Style.FAINT)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """(path, text) of each value in it. Texts are as they are, and all other values in JSON."""
    value = _without_secrets(value)
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _leaves(f"{path}.{key}", value[key])
    elif value is not None and value != "":
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _without_secrets(value: Any) -> Any:
    """The value with `[secret]` in place of each secret, as Pulumi shows it: the events do not tell its value."""
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return "[secret]" if "ciphertext" in value or "plaintext" in value else "[a file]"
        return {key: _without_secrets(one) for key, one in value.items()}
    return [_without_secrets(one) for one in value] if isinstance(value, list) else value


def style_of(operation: str) -> Style:
    if operation in ("create", "import"):
        return Style.NEW
    return Style.BAD if operation.startswith("delete") else Style.CHANGED


def plan(changes: Mapping[str, int]) -> str:
    planned = [f"{changes[name]} to {name}" for name in PLANNED if changes.get(name)]
    return ", ".join([*planned, *([f"{changes['same']} unchanged"] if changes.get("same") else [])])


def counts(changes: Mapping[str, int]) -> str:
    counts = [f"{changes[name]} {DONE_WORDS.get(name, name)}" for name in PLANNED if changes.get(name)]
    if same := changes.get("same", 0):
        counts.append(f"{same} unchanged")
    return ", ".join(counts) or "nothing done"


def without_count(text: str) -> str:
    """An error's text without the heading `1 error occurred:` and the marks that the engine puts before each."""
    lines = text.splitlines()
    if lines and lines[0].rstrip().endswith("occurred:"):
        lines = lines[1:]
    return "\n".join(line.removeprefix("\t* ") for line in lines)
