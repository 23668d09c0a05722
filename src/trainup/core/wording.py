"""Commands in messages as the user types them: after `trainup up`, messages name `trainup up` and not `pulumi up`."""

import re
from collections.abc import Mapping

from trainup.core.project import DEFAULT_STACK

TYPED = "TRAINUP_TYPED"
"""Variable that says what the reader types: `make`, `trainup`, or nothing for the Pulumi CLI itself."""
COMMANDS = re.compile(r"`pulumi (up|preview|refresh|destroy|cancel)`")
OPTION = {"make": "STACK=", "trainup": "--stack "}
"""The option for a stack, in the program that the user types."""
OTHERS = {"cancel": "unlock"}
"""Pulumi's command → the same command of `make` and `trainup`, if its name differs."""


def as_typed(text: str, variables: Mapping[str, str]) -> str:
    """A message with the commands in it as the reader of these environment variables types them."""
    typed = variables.get(TYPED)
    if typed not in OPTION:
        return text
    stack = variables.get("PULUMI_STACK") or DEFAULT_STACK
    option = "" if stack == DEFAULT_STACK else f" {OPTION[typed]}{stack}"
    return COMMANDS.sub(lambda match: f"`{typed} {OTHERS.get(match[1], match[1])}{option}`", text)
