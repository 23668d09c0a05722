"""Runs `pulumi up`, `preview`, `refresh` or `destroy`, and shows its events instead of Pulumi's own display."""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import click

from trainup.cli.exit_codes import ExitCode
from trainup.cli.terminal import events
from trainup.cli.terminal.child import Child, Ended
from trainup.cli.terminal.lines import Line, Style
from trainup.cli.terminal.plain import Plain
from trainup.cli.terminal.view import View, end

PAUSE = 0.25
"""Seconds between two looks at the clock while nothing happens."""
PULUMI_DISPLAY = frozenset(
    {"--json", "-j", "--diff", "--help", "-h", "--event-log", "--output", "--debug", "-d", "--interactive", "-i"}
    | {"--logtostderr", "--show-config", "--show-full-output", "--show-reads", "--show-replacement-steps"}
    | {"--show-sames", "--show-secrets", "--urns", "--attach-debugger", "--remote", "--neo"}
)
"""Options that ask for something that only Pulumi's own display shows."""
SURE = frozenset({"--yes", "-y", "--yes=true"})
SKIPS_PREVIEW = frozenset({"--skip-preview", "-f", "--skip-preview=true"})
PREVIEWS = {"up": ["preview"], "refresh": ["refresh", "--preview-only"], "destroy": ["destroy", "--preview-only"]}
"""Operation → the command that says what it would do."""

USAGE = re.compile(r"error: (unknown (shorthand )?flag|flag needs an argument|invalid argument|bad flag|accepts )")
"""What the CLI's parser of options says (spf13/cobra, spf13/pflag). Pulumi ends with 1 then, and with 2 where it has
looked at the options itself (pulumi/pulumi, pkg/cmd/pulumi/cmd/exit_codes.go)."""
PULUMI_USAGE = 2

Become = Callable[[Sequence[str], Mapping[str, str]], object]


class Display(Protocol):
    """Renders the view."""

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, line: Line) -> None:
        """Show a line that stays."""
        ...

    def refresh(self) -> None:
        """Show what moves as it is now."""
        ...


def wants_pulumi(words: Sequence[str]) -> bool:
    """Whether the options ask for Pulumi's own display."""
    return any(word.partition("=")[0] in PULUMI_DISPLAY for word in words)


def run(cli: str, words: Sequence[str], variables: Mapping[str, str], become: Become, *, quiet: bool, logs: str) -> int:
    """Run a command of the CLI to its end, and return our exit code.

    `quiet` leaves out the logs of the runs, and `logs` names the only run whose log is shown.
    """
    operation = words[0]
    is_asked = operation in PREVIEWS and not (SURE | SKIPS_PREVIEW) & set(words) and _may_ask(variables)
    if not is_asked:
        return _shown([cli, *words], variables, become, quiet=quiet, logs=logs)
    options = [word for word in words[1:] if word != "--continue-on-error"]
    if code := _shown([cli, *PREVIEWS[operation], *options], variables, become, quiet=quiet, logs=logs):
        return code
    question = f"Perform this {'update' if operation == 'up' else operation}? (`--diff` shows every property)"
    if not click.confirm(question, default=False):
        return ExitCode.FAILED
    return _shown([cli, *words, "--skip-preview", "--yes"], variables, become, quiet=quiet, logs=logs)


def _may_ask(variables: Mapping[str, str]) -> bool:
    is_sure = variables.get("PULUMI_SKIP_CONFIRMATIONS", "").lower() in ("1", "true")
    return sys.stdin.isatty() and sys.stdout.isatty() and not is_sure


def _shown(command: Sequence[str], variables: Mapping[str, str], become: Become, *, quiet: bool, logs: str) -> int:
    view = View(is_preview=command[1] == "preview" or not SKIPS_PREVIEW & set(command))
    child = Child(become, command, variables)
    display = Enduring(_display(view))

    def show(lines: list[Line]) -> None:
        for line in lines:
            if not line.run or not (quiet or (logs and line.run != logs)):
                display.show(line)

    def heard(line: str) -> None:
        if (event := events.parse(line)) is not None:
            show(view.take(event))

    with display:
        ended = child.follow(heard, display.refresh, PAUSE)
    show(end(view))
    show(_own_errors(view, ended))
    return exit_code(view, ended)


@dataclass
class Enduring:
    """A display that may get lost, as with `| head` or a full disk. The command goes on: it would end with us, in the
    middle of an update."""

    display: Display
    is_lost: bool = False

    def __enter__(self) -> "Enduring":
        self._try(self.display.__enter__)
        return self

    def __exit__(self, *_: object) -> None:
        self._try(self.display.__exit__, None, None, None)

    def show(self, line: Line) -> None:
        """Show a line that stays."""
        self._try(self.display.show, line)

    def refresh(self) -> None:
        """Show what moves as it is now."""
        self._try(self.display.refresh)

    def _try(self, action: Callable[..., object], *arguments: object) -> None:
        if self.is_lost:
            return
        try:
            action(*arguments)
        except OSError as error:
            self.is_lost = True
            # What is still in the buffer would fail once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            with contextlib.suppress(OSError):
                print(f"trainup: what happens is not shown any more ({error}), but goes on", file=sys.stderr)


def _display(view: View) -> Display:
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        # Imported here: rich takes longer to import than all of this.
        from trainup.cli.terminal.live import Live

        return Live(view)
    return Plain(view)


def _own_errors(view: View, ended: Ended) -> list[Line]:
    """What the CLI says of a failure that is in no event, such as a stack that is locked."""
    if ended.code == 0 or view.errors or view.failed:
        return []
    lines = ended.printed.rstrip().splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("error:")), 0)
    return [Line(line, Style.BAD) for line in lines[first:]]


def exit_code(view: View, ended: Ended) -> int:
    """Our exit code for a command that ended in this way."""
    if ended.code == 0:
        return ExitCode.DONE
    if ended.interrupted:
        return 128 + ended.interrupted
    if ended.code < 0:
        return 128 - ended.code
    if view.has_failed_training():
        return ExitCode.TRAINING_FAILED
    if view.has_refused_candidate():
        return ExitCode.GATE_REFUSED
    is_usage = ended.code == PULUMI_USAGE or USAGE.search(ended.printed)
    return ExitCode.REFUSED if is_usage or (view.errors and not view.has_changed()) else ExitCode.FAILED
