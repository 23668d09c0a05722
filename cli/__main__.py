"""The `trainup` command: what a stack's runs did, from the target's own records."""

import argparse
import json
import sys
import threading
from pathlib import Path

from trainup.cli import results, stack
from trainup.jobs.local.files import UnreadableRecord
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.target import Record, TargetError

POLL = 0.2


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        current = stack.read(options.stack)
        project = stack.project_folder(Path.cwd())
        return int(options.command(options, current, project))
    except (stack.StackError, TargetError, UnreadableRecord) as error:
        print(f"trainup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _output(options: argparse.Namespace, current: stack.Stack, project: Path) -> int:
    print(json.dumps(results.merged(current, project), indent=2))
    return 0


def _runs(options: argparse.Namespace, current: stack.Stack, project: Path) -> int:
    found = results.latest(current, project)
    rows = [("RUN", "NAME", "STATUS", "SECONDS", "METRICS")]
    for name, record in sorted(found.items()):
        metrics = " ".join(f"{key}={value:.4g}" for key, value in record.metrics.items())
        rows.append((name, record.name, str(record.status), f"{record.duration_seconds:.1f}", metrics))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _logs(options: argparse.Namespace, current: stack.Stack, project: Path) -> int:
    found = results.latest(current, project)
    if options.run not in found:
        known = ", ".join(sorted(found)) or "none"
        raise TargetError(f"stack {current.name!r} has no run {options.run!r}; there are {known}")
    for workspace in results.workspaces(current, project):
        target = LocalTarget(workspace)
        if record := target.get(found[options.run].name):
            return _print_log(target, record, follow=options.follow)
    return 1


def _print_log(target: LocalTarget, record: Record, *, follow: bool) -> int:
    position, pause = 0, threading.Event()
    while True:
        now = target.get(record.name) or record
        while True:
            lines, position = target.read_log(record.name, position)
            if not lines:
                break
            print("\n".join(lines), flush=True)
        if not follow or now.status.is_terminal:
            return 0
        pause.wait(POLL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trainup", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, text in (
        ("output", _output, "the results as JSON: state and the target's records merged"),
        ("runs", _runs, "the runs of the stack, a line each"),
        ("logs", _logs, "the log of a run"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--stack", default="local", help="name of the stack (default: %(default)s)")
        command.set_defaults(command=function)
        if function is _logs:
            command.add_argument("run", help="name of the run")
            command.add_argument("--follow", "-f", action="store_true", help="go on until the run has ended")
    return parser


if __name__ == "__main__":
    sys.exit(main())
