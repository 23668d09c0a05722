"""The `trainup` command: what a stack's runs did, from the target's own records."""

import argparse
import json
import os
import sys
import threading
from pathlib import Path

from trainup.cli import clusters, plan, results, stack
from trainup.cli.table import aligned
from trainup.core import suggest
from trainup.core.errors import TrainupError
from trainup.core.texts import print_whatever_comes
from trainup.core.wording import as_typed
from trainup.jobs import downloads, lifecycle, surroundings
from trainup.jobs.target import Record, Target, TargetError


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run one command; returns the exit code."""
    print_whatever_comes()
    options = _parser().parse_args(arguments)
    surroundings.settle()
    try:
        if options.command is _schema:
            return int(options.command())
        options.stack = options.stack or stack.current()
        current = stack.read(options.stack)
        project = stack.project_folder(Path.cwd())
        return int(options.command(options, current, project))
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`); what is left in the buffer goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (TrainupError, OSError) as error:
        print(as_typed(f"trainup: {error}", os.environ), file=sys.stderr)
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
    print(aligned(rows))
    return 0


def _cluster(options: argparse.Namespace, current: stack.Stack, project: Path) -> int:
    found = clusters.of(current, project)
    print(clusters.as_json(found) if options.json else clusters.as_table(found))
    return 0


def _ui(options: argparse.Namespace, current: stack.Stack, project: Path) -> int:
    found = results.pages(current, project)
    if not found:
        raise TargetError(f"stack {current.name!r} has no pages: it has no runs yet, or `tracking` is none")
    print("\n".join(found))
    return 0


def _logs(options: argparse.Namespace, current: stack.Stack, project: Path) -> int:
    target, record = _found(options.run, current, project)
    return _print_log(target, record, follow=options.follow)


def _download(options: argparse.Namespace, current: stack.Stack, project: Path) -> int:
    target, record = _found(options.run, current, project)
    folder = Path(options.to or record.name)
    files = target.files(record.name, options.output)
    downloads.download(files, folder, lambda text: print(text, file=sys.stderr))
    print(folder)
    return 0


def _found(run: str, current: stack.Stack, project: Path) -> tuple[Target, Record]:
    """A run's current attempt, and the target that has it."""
    found = results.latest(current, project)
    target = results.target(current, project, run, found[run]) if run in found else None
    if target is None:
        raise TargetError(suggest.unknown(run, sorted(found), f"stack {current.name!r} has no run {run!r}"))
    return target, found[run]


def _request(options: argparse.Namespace, current: stack.Stack, project: Path) -> int:
    inputs = plan.inputs_of(options.run, options.stack)
    print(json.dumps(plan.request(inputs, current, project), indent=2))
    return 0


def _schema() -> int:
    # Only here: it takes Pulumi's SDK.
    from trainup.infra.schema import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def _print_log(target: Target, record: Record, *, follow: bool) -> int:
    position, pause, seconds = 0, threading.Event(), target.polling.fastest
    while True:
        now = target.get(record.name)
        position = lifecycle.read_on(target, record.name, position, _print_lines)
        if now is None:
            raise TargetError(f"the record of {record.name} was removed; its log ends here")
        if not follow or now.status.is_terminal:
            return 0
        seconds = target.polling.after(seconds, now.status, progressed=False)
        pause.wait(seconds)


def _print_lines(lines: list[str]) -> None:
    print("\n".join(lines), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trainup", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, text in (
        ("output", _output, "the results as JSON: state and the target's records merged"),
        ("runs", _runs, "the runs of the stack, a line each"),
        ("logs", _logs, "the log of a run"),
        ("download", _download, "what a run left behind, fetched into a folder, whose name is printed"),
        ("ui", _ui, "where to look at the runs in a browser; starts the MLflow server if it has stopped"),
        ("cluster", _cluster, "what the stack's cluster is doing now: nodes by state, and why some cannot be had"),
        ("request", _request, "the request that would start a run on Azure, which is not sent"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--stack", help="name of the stack (default: PULUMI_STACK, the selected one, or local)")
        command.set_defaults(command=function)
        if function is _cluster:
            command.add_argument("--json", action="store_true", help="as a list of objects")
        if function in (_logs, _download, _request):
            command.add_argument("run", help="name of the run")
        if function is _download:
            command.add_argument("output", nargs="?", help="one of its named outputs (default: its other outputs)")
            command.add_argument("--to", metavar="DIR", help="the folder (default: a new one named after the attempt)")
        if function is _logs:
            command.add_argument("--follow", "-f", action="store_true", help="go on until the run has ended")
    text = "the JSON schema of Pulumi.<stack>.yaml, by which editors complete and check it"
    commands.add_parser("schema", help=text, description=text).set_defaults(command=_schema)
    return parser


if __name__ == "__main__":
    sys.exit(main())
