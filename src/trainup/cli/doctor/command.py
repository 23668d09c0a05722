"""`trainup doctor`: the checks of a stack, what they print, and the exit code."""

import json
import os
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import click

from trainup.cli.doctor import azure, gpu, machine, network, state, tools
from trainup.cli.doctor.finding import Check, Finding, Level, Patient, error, ok
from trainup.cli.doctor.running import examine
from trainup.cli.options import on_stack
from trainup.core.errors import UserError
from trainup.toolchain import environment, projects, stack_files
from trainup.toolchain.paths import ROOT

EVERYWHERE = (
    Check("python", tools.python),
    Check("uv", tools.package_installer),
    Check("pulumi", tools.pulumi),
    Check("git", tools.git),
    Check("proxies", network.proxies),
    Check("backend", state.backend),
    Check("secrets", state.secrets),
    Check("leftovers", state.leftovers),
    Check("files", machine.files),
    Check("disk", machine.space),
    Check("memory", machine.memory),
    Check("limits", machine.limits),
)
ON_THIS_MACHINE = (
    Check("gpu", gpu.gpus),
    Check("ports", machine.ports),
    Check("packages", network.index),
)
ON_AZURE = (
    Check("service", azure.service, seconds=40),
    Check("login", azure.login, ("service",), 60),
    Check("subscription", azure.subscription, ("login",)),
    Check("providers", azure.providers, ("subscription",)),
    Check("capacity", azure.capacity, ("subscription",)),
    Check("existing", azure.existing, ("subscription",)),
    Check("names", azure.names, ("subscription",)),
    Check("roles", azure.roles, ("existing",)),
    Check("images", azure.images, ("service",), 30),
)
WIDTH = 12
"""Columns of a check's name."""


@on_stack
@click.command()
@click.option("--json", "as_json", is_flag=True, help="as a list of objects")
def doctor(stack: str, as_json: bool) -> int:
    """Try everything that `up` will touch, before the first `up`: tools, login, quota, names, roles, network, disk.

    Prints what was tried, what came, and the command that mends it. Changes nothing.

    Exit code 0: all is well. 1: there are warnings. 2: there are errors, with which `up` cannot work.
    """
    patient, about_settings = patient_of(stack)
    results, left_out = examine(patient, checks_of(patient)) if patient else ({}, {})
    results = {"settings": [about_settings], **results}
    if as_json:
        print(json.dumps(list(as_objects(results, left_out)), indent=2))
    else:
        print(as_text(results, left_out, f"stack {stack!r}{_where(patient)}", shutil.get_terminal_size().columns))
    return int(max(finding.level for findings in results.values() for finding in findings))


def _where(patient: Patient | None) -> str:
    if patient is None:
        return ""
    return " on this machine" if patient.is_local else " on Azure"


def patient_of(stack: str) -> tuple[Patient | None, Finding]:
    """What is looked at, and the finding about the stack's settings. None where not even its target can be read."""
    # Imported here, since it imports Pulumi's SDK, which is slow.
    from trainup.infra import offline

    os.environ |= environment.surroundings()
    tried, mend = f"the settings of stack {stack!r}", "edit the stack's file, or write one with `trainup init`"
    try:
        is_local = stack_files.read(projects.read(ROOT), stack).is_local
    except UserError as problem:
        return None, error(tried, str(problem), mend)
    try:
        settings, finding = offline.settings_of(ROOT, stack), ok(tried, "are valid")
    except UserError as problem:
        settings, finding = None, error(tried, str(problem), mend)
    return Patient(ROOT, stack, is_local, settings, machine.measure(ROOT), dict(os.environ)), finding


def checks_of(patient: Patient) -> Sequence[Check]:
    """The checks for a stack. What depends on settings needs valid ones."""
    if patient.is_local:
        return (*EVERYWHERE, *ON_THIS_MACHINE)
    if patient.settings is None:
        return EVERYWHERE
    builder = [Check("docker", tools.docker)] if str(patient.settings.image.builder) == "docker" else []
    return (*EVERYWHERE, *builder, *ON_AZURE)


def as_objects(results: Mapping[str, Sequence[Finding]], left_out: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The findings for programs; a check that was left out has the level `untried`."""
    for check, findings in results.items():
        for one in findings:
            level = one.level.name.lower()
            yield {"check": check, "level": level, "tried": one.tried, "came": one.came, "mend": one.mend}
    for check, reason in left_out.items():
        yield {"check": check, "level": "untried", "tried": "", "came": f"{reason} has failed", "mend": ""}


def as_text(results: Mapping[str, Sequence[Finding]], left_out: Mapping[str, str], about: str, width: int) -> str:
    """The findings for a terminal of so many columns."""
    lines = []
    for check, findings in results.items():
        for one in findings:
            lines += _wrapped(f"{one.level.name.lower():8}{check:{WIDTH}} ", f"{one.tried}: {one.came}", width)
            if one.mend:
                lines += _wrapped(" " * (8 + WIDTH + 1), f"-> {one.mend}", width)
    for reason in dict.fromkeys(left_out.values()):
        others = ", ".join(check for check, first in left_out.items() if first == reason)
        lines += _wrapped(f"{'untried':8}{'':{WIDTH}} ", f"since {reason} failed: {others}", width)
    counts = {level: sum(one.level is level for findings in results.values() for one in findings) for level in Level}
    words = {Level.OK: "{} ok", Level.WARNING: "{} to look at", Level.ERROR: "{} in the way"}
    told = ", ".join(words[level].format(count) for level, count in counts.items() if count)
    return "\n".join([*lines, f"{about}: {told}"])


def _wrapped(start: str, text: str, width: int) -> list[str]:
    lines = [
        line
        for part in text.splitlines()
        for line in textwrap.wrap(
            part.strip(), max(width - len(start), 20), break_long_words=False, break_on_hyphens=False
        )
    ]
    return [start + lines[0], *(" " * len(start) + line for line in lines[1:])] if lines else [start]
