"""Refuses a Dockerfile as Docker does."""

import re

from trainup.core.dockerfiles import Instruction, instructions

_KNOWN = re.compile(
    "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|VOLUME|"
    "WORKDIR"
)


class DockerfileError(ValueError):
    """The text is not a valid Dockerfile; the message is worded like Docker's."""


def steps(text: str) -> list[Instruction]:
    """The instructions that a build carries out. Raises DockerfileError when Docker could not parse the text."""
    found = list(instructions(text))
    for step in found:
        if not _KNOWN.fullmatch(step.name):
            raise DockerfileError(f"dockerfile parse error line {step.line}: unknown instruction: {step.name}")
    if not any(step.name == "FROM" for step in found):
        raise DockerfileError("file with no instructions" if not found else "no build stage in current context")
    return found
