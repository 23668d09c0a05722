"""Stacks that are worked on by our own command alone, as `make up` works on them, with a CLI that is tampered with."""

import contextlib
import os
import random
import shlex
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from psutil import Process

from tests.campaign.on_engine import wait_a_while
from tests.campaign.over_grpc import LONGEST
from tests.campaign.tally import Tally
from tests.campaign.victim import SCRIPT, heard_of, problems_of_log, starts_of
from tests.support import processes
from tests.support.checkout import Checkout
from tests.support.project import UNATTENDED, Result, Running, toolchain_environment
from tests.support.waiting import until
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace

START_OF_A_RUN = 2.0
"""Seconds that our command takes before it creates anything."""
MOST_UPS = 6
"""After these, whatever was killed of a run has been tried again."""
UNDER = "CAMPAIGN_CLI_UNDER"
CLI = """\
#!/bin/sh
# The Pulumi CLI; what changes a stack goes on under the command that a campaign names.
case "$1" in
up | destroy) eval "exec ${CAMPAIGN_CLI_UNDER-} {cli} \\"\\$@\\"" ;;
esac
exec {cli} "$@"
"""
RUN = "trainup:index:Run"


@contextlib.contextmanager
def checkout(folder: Path) -> Iterator[Checkout]:
    """A checkout of this repository whose CLI can be told what to run under; nothing of it goes on afterwards."""
    made = Checkout(folder, toolchain_environment())
    cli = Path(made.cli)
    tools = folder / "tools"
    tools.mkdir()
    (tools / "pulumi-language-python").symlink_to(cli.with_name("pulumi-language-python"))
    (tools / "pulumi").write_text(CLI.replace("{cli}", shlex.quote(str(cli))))
    (tools / "pulumi").chmod(0o755)
    made.environment["PATH"] = os.pathsep.join([str(tools), made.environment["PATH"]])
    made.environment["PULUMI_DEBUG_COMMANDS"] = "1"  # shows --event-log
    try:
        yield made
    finally:
        processes.kill(processes.of(folder))


class Stack:
    """One stack of a checkout, with one run."""

    def __init__(self, checkout: Checkout, name: str, script: str = SCRIPT) -> None:
        self.checkout, self.name = checkout, name
        self.starts_file = checkout.folder / f"starts-{name}"
        source = checkout.folder / f"code-{name}"
        source.mkdir()
        (source / "main.py").write_text(script)
        run = {"source": source.name, "script": "main.py", "arguments": [str(self.starts_file)]}
        config = {"trainup:workspace": {"tracking": "none"}, "trainup:runs": {"r": run}}
        (checkout.folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
        self.workspace = checkout.folder / ".trainup" / name
        self.target = LocalTarget(Workspace(self.workspace, checkout.folder))

    @property
    def starts(self) -> list[str]:
        """The attempts whose script was started."""
        return starts_of(self.starts_file)

    @property
    def processes(self) -> list[Process]:
        """What belongs to the stack's runs: scripts, supervisors and the keeper of their queue."""
        return processes.of(self.workspace)

    def start(self, operation: str, *words: str, under: list[str] | None = None, **variables: str) -> Running:
        """Begin an operation by our own command; `under` is a command that runs the CLI."""
        events = self.checkout.folder / f"events-{uuid.uuid4().hex}.json"
        command = [
            sys.executable,
            "-I",
            "-S",
            "src/trainup/toolchain",
            "trainup",
            operation,
            "--stack",
            self.name,
            *words,
        ]
        command += [*UNATTENDED, "--yes", "--skip-preview", "--event-log", str(events)]
        environment = {**self.checkout.environment, **variables, UNDER: shlex.join(under or [])}
        return Running(command, self.checkout.folder, environment, events)

    def run(self, operation: str, *words: str, **variables: str) -> Result:
        """An operation from start to end."""
        return self.start(operation, *words, **variables).finish()

    def begun(self, chance: random.Random, under: list[str] | None = None) -> Running:
        """An `up` that has gone on for a while, most often until its script works and then some time."""
        before = len(self.starts)
        running = self.start("up", under=under)
        longest = START_OF_A_RUN
        if chance.random() < 0.7:
            until(lambda: len(self.starts) > before or running.process.poll() is not None)
            longest = LONGEST
        wait_a_while(running, chance.uniform(0, longest))
        return running

    def comes_to_its_end(self, tally: Tally, *, tries: int = 1, once: bool = True, **variables: str) -> bool:
        """Let our own command bring the run to its end, and then find nothing to do; whether it could.

        `once`: nothing was a reason to start the script again.
        """
        for _ in range(tries):
            last = self.run("up", **variables)
            if last.code == 0:
                break
        else:
            tally.stuck.append(f"{self.name}: {last.text}")
            return False
        ids = {record.id for record in self.target.records()}
        for run_id in ids:
            tally.ended(self.target, run_id, self.starts, once=once)
        if len(ids) != 1:
            tally.lost.append(f"{self.name} has the runs {ids}")
        if {"create", "update"} & {step.op for step in last.steps if step.type == RUN}:
            heard = problems_of_log(heard_of(last.said), complete=True)
            tally.logs += [f"{self.name}, as it was heard: {text}" for text in heard]
        again = self.run("up", "--expect-no-changes", **variables)
        if not again.is_empty:
            tally.lost.append(f"{self.name}: a second up was not empty: {again.text}")
        return True

    def is_removed(self, tally: Tally) -> None:
        """Let our own command destroy and remove the stack: nothing may go on, and nothing may be in the way."""
        removed = self.run("destroy", "--remove")
        if removed.code:
            tally.stuck.append(f"{self.name}: {removed.text}")
        tally.left += [f"{self.name}: {process.cmdline()}" for process in processes.left(self.workspace)]
        ended = [record for record in self.target.records() if not record.status.is_terminal]
        tally.left += [f"{record.name} is {record.status}" for record in ended]


def campaign(
    folder: Path, seed: int, kills: int, name: str, one: Callable[[Checkout, str, random.Random, Tally], None]
) -> Tally:
    """One stack after the other, each with chances of its own, until so many kills are done."""
    tally = Tally()
    with checkout(folder) as made:
        number = 0
        while tally.kills < kills:
            one(made, f"{name}-{number:04}", random.Random(f"{seed}-{name}-{number}"), tally)
            number += 1
    return tally
