"""Commands as the reader types them: whoever runs `make up` is told of `make up`, and not of `pulumi up`."""

import re
from collections.abc import Mapping

TYPED = "TRAINUP_TYPED"
"""Variable that says what the reader types: `make`, or nothing for the CLI itself."""
COMMANDS = re.compile(r"`pulumi (up|preview|refresh|destroy|cancel)`")
OTHERS = {"cancel": "unlock"}
"""Commands that the Makefile calls otherwise."""


def as_typed(text: str, variables: Mapping[str, str]) -> str:
    """A message with the commands in it as the reader of these environment variables types them."""
    if variables.get(TYPED) != "make":
        return text
    stack = variables.get("PULUMI_STACK") or "local"
    named = "" if stack == "local" else f" STACK={stack}"
    return COMMANDS.sub(lambda found: f"`make {OTHERS.get(found[1], found[1])}{named}`", text)
