"""`trainup logs`: the log of any recorded run, or a part of it."""

import datetime
import re
import threading
from collections import deque
from collections.abc import Callable

import click

from trainup.cli.options import on_stack
from trainup.cli.runs import lookup, masking, places
from trainup.core.duration import parse_duration
from trainup.jobs import lifecycle
from trainup.jobs.target import Record, Target, TargetError

RANK = re.compile(r"\[(?:default|ps |worker )?(\d+)\]:? ?")
"""Beginning of a line of one of several processes: torchrun's on this machine, trainup's own on Azure."""


@on_stack
@click.command()
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="go on until the run has ended")
@click.option("--tail", "-n", type=click.IntRange(0), metavar="N", help="only the last N lines")
@click.option("--since", metavar="TIME", help="only what was printed in the last 10m, 2h …, or since a time (ISO 8601)")
@click.option("--rank", type=click.IntRange(0), metavar="K", help="only the lines of process K of several")
def logs(run: str, stack: str, follow: bool, tail: int | None, since: str | None, rank: int | None) -> None:
    """Print the log of RUN.

    RUN is a run's name (its current attempt), the name of any recorded attempt, or the beginning of an id."""
    begin = None if since is None else _moment(since)
    current, project = places.open_records(stack)
    known = lookup.find(current, project, run)
    masking.check_log(current, known.target, known.record)
    target, record = known.target, known.record
    position = 0 if begin is None else target.log_position(record.name, begin)
    chosen = (lambda lines: lines) if rank is None else _of_rank(rank)
    if tail is not None:
        target.get(record.name)  # a log whose run has ended is read to its last line
        last: deque[str] = deque(maxlen=tail)
        position = lifecycle.read_on(target, record.name, position, lambda lines: last.extend(chosen(lines)))
        _print_lines(list(last))
    _print_on(target, record, position, lambda lines: _print_lines(chosen(lines)), follow=follow)


def _print_on(
    target: Target, record: Record, position: int, tell: Callable[[list[str]], None], *, follow: bool
) -> None:
    """Print what comes after a position; with `follow`, until the run has ended."""
    pause, seconds = threading.Event(), target.polling.fastest
    while True:
        now = target.get(record.name)
        position = lifecycle.read_on(target, record.name, position, tell)
        if now is None:
            raise TargetError(f"the record of {record.name} was removed; its log ends here")
        if not follow or now.status.is_terminal:
            return
        seconds = target.polling.after(seconds, now.status, progressed=False)
        pause.wait(seconds)


def _moment(text: str) -> float:
    """Seconds since the epoch of `10m` before now, or of a time; one without an offset is this machine's."""
    try:
        return datetime.datetime.now(datetime.UTC).timestamp() - parse_duration(text)
    except ValueError:
        pass
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a duration, such as 10m or 2h, nor a time, such as 2026-11-28T18:30",
            param_hint="--since",
        ) from None


def _of_rank(rank: int) -> Callable[[list[str]], list[str]]:
    def chosen(lines: list[str]) -> list[str]:
        matches = ((line, RANK.match(line)) for line in lines)
        return [line for line, match in matches if match and int(match[1]) == rank]

    return chosen


def _print_lines(lines: list[str]) -> None:
    if lines:
        print("\n".join(lines), flush=True)
