"""Records as commands show them: values for JSON, and texts for people."""

import datetime
import os
import re
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import click

from trainup.core.numbers import to_plain
from trainup.core.status import Status
from trainup.jobs.outputs import outputs_of
from trainup.jobs.target import Record

NOTHING = "-"
COLOURS = {Status.COMPLETED: "green", Status.RUNNING: "cyan", Status.FINALIZING: "cyan", Status.PREPARING: "cyan"}
SHORT_COMMIT = 12


def values_of(record: Record, *, current: bool) -> dict[str, Any]:
    """A record as JSON: the outputs of a run, and what else its target knows. Within a version, keys are only added.

    `current` says whether it is the attempt that the stack's state means.
    """
    return dict(
        to_plain(
            {
                "run": record.run,
                "id": record.id,
                "attempt": record.attempt,
                "digest": record.digest,
                "current": current,
                "created": record.created,
                "waiting": record.waiting,
                **outputs_of(record),
                "git": record.git.to_dict() or None,
                "reproduce": record.reproduce,
            }
        )
    )


def reason(record: Record) -> str:
    """Why a run failed, or what it waits for, in one line; empty where there is nothing to tell."""
    if record.failure:
        text = f"{record.failure.failure_class}: {record.failure.message}"
    else:
        text = record.note
    return " ".join(text.split())


def metrics(values: Mapping[str, float]) -> str:
    """`accuracy=0.98 loss=0.1`."""
    return " ".join(f"{key}={value:.4g}" for key, value in values.items())


def moment(iso: str) -> str:
    """A time by this machine's clock, to the second; `-` where it is unknown."""
    try:
        return f"{datetime.datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return NOTHING


def commit(record: Record) -> tuple[str, str]:
    """The commit, and whether files were changed: `yes`, `no` or `-`."""
    dirty = {True: "yes", False: "no", None: NOTHING}[record.git.dirty]
    return record.git.commit[:SHORT_COMMIT] or NOTHING, dirty


def width() -> int | None:
    """The width of the terminal; None where the output is no terminal, and lines are not cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def has_colour() -> bool:
    """Whether the output is a terminal whose user has not asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def fitted(text: str, columns: int | None) -> str:
    """The lines of a text, each cut at the width of the terminal."""
    if columns is None:
        return text
    dots = "…" if "utf" in (sys.stdout.encoding or "").lower() else "..."
    cut = (line if len(line) <= columns else line[: columns - len(dots)] + dots for line in text.split("\n"))
    return "\n".join(cut)


def coloured(text: str) -> str:
    """The text with each status in its colour; names of runs have no capital letters."""
    return re.sub("|".join(Status), lambda match: _styled(Status(match[0])), text)


def _styled(status: Status) -> str:
    colour = "red" if status.is_failure else COLOURS.get(status)
    return click.style(str(status), fg=colour) if colour else str(status)


def show(text: str, *, whole: bool = False) -> None:
    """Print a text for people: in colours where the terminal has any, and cut to its width unless it is `whole`."""
    text = text if whole else fitted(text, width())
    print(coloured(text) if has_colour() else text)
