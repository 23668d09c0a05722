"""Points in commands: `${{search_space.NAME}}` is filled in with a value before a trial gets its digest."""

import re
from collections.abc import Iterable

from trainup.core.input_assets import shell_problem
from trainup.core.suggest import nearest
from trainup.core.sweeps.declaration import Sweep
from trainup.core.sweeps.distributions import Choice, text_of
from trainup.core.sweeps.findings import Finding
from trainup.core.sweeps.outcomes import Point

EXPRESSION = re.compile(r"\$\{\{\s*search_space\.([A-Za-z0-9_-]+)\s*\}\}")
"""`${{search_space.NAME}}` in a command."""


def substitute(text: str, point: Point) -> str:
    """A word of a command (or of `arguments`, or a line for a shell) with the values of a point."""
    return EXPRESSION.sub(lambda match: text_of(point[match[1]]) if match[1] in point else match[0], text)


def command_findings(sweep: Sweep, texts: Iterable[str], *, shell: bool = False) -> list[Finding]:
    """Names in the command that the search space lacks, and names of the space that the command does not use.

    `shell`: the texts are a line for a shell (the command of a job file), which would act on some characters of values.
    The findings about the command have the place ("command",).
    """
    used = {match[1]: match[0] for text in texts for match in EXPRESSION.finditer(text)}
    findings = []
    for name, expression in used.items():
        if name not in sweep.names:
            guess = nearest(name, sweep.names)
            reason = f"{expression} names nothing in `search_space`, which has {', '.join(sweep.names)}"
            findings.append(Finding(("command",), reason + (f"; did you mean {guess}?" if guess else "")))
    for name, distribution in sweep.search_space:
        place = ("search_space", name)
        if name not in used:
            reason = "the command does not use it, so all its values would be the same training: write"
            findings.append(Finding(place, f"{reason} ${{{{search_space.{name}}}}} into the command, or remove it"))
        if shell and isinstance(distribution, Choice):
            for index, value in enumerate(distribution.values):
                if problem := shell_problem(text_of(value)):
                    findings.append(Finding((*place, index), f"{problem}: choose another value"))
    return findings
