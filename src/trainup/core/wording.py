"""Commands as the reader types them: whoever runs `trainup up` is told of `trainup up`, and not of `pulumi up`."""

import re
from collections.abc import Mapping

from trainup.core.project import DEFAULT_STACK

TYPED = "TRAINUP_TYPED"
"""Variable that says what the reader types: `make`, `trainup`, or nothing for the Pulumi CLI itself."""
COMMANDS = re.compile(r"`pulumi (up|preview|refresh|destroy|cancel)`")
OPTION = {"make": "STACK=", "trainup": "--stack "}
"""How a stack is named there."""
OTHERS = {"cancel": "unlock"}
"""Commands that are called otherwise there."""


def as_typed(text: str, variables: Mapping[str, str]) -> str:
    """A message with the commands in it as the reader of these environment variables types them."""
    typed = variables.get(TYPED)
    if typed not in OPTION:
        return text
    stack = variables.get("PULUMI_STACK") or DEFAULT_STACK
    named = "" if stack == DEFAULT_STACK else f" {OPTION[typed]}{stack}"
    return COMMANDS.sub(lambda found: f"`{typed} {OTHERS.get(found[1], found[1])}{named}`", text)
