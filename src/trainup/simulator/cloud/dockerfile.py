"""Parses a Dockerfile, as far as the simulator needs its instructions."""

import json
import re
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")
_HEREDOC = re.compile(r"<<-?\s*(?P<quote>['\"]?)(?P<mark>\w+)(?P=quote)")
_INSTRUCTION = re.compile(r"(?P<name>[A-Za-z]+)\s*(?P<rest>.*)", re.DOTALL)
INSTRUCTIONS = re.compile(
    "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|VOLUME|"
    "WORKDIR"
)


class DockerfileError(ValueError):
    """The text is not a valid Dockerfile; the message is worded like Docker's."""


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile."""

    name: str
    """The instruction's name in upper case."""

    text: str
    """The text after the name, with continuation lines joined."""

    line: int
    """Number of its first line, from 1."""

    @property
    def flags(self) -> dict[str, str]:
        """`--from=build` → `{"from": "build"}`."""
        return dict(re.findall(r"--([\w-]+)(?:=(\S+))?\s", self.text[: self._start] + " "))

    @property
    def words(self) -> list[str]:
        """The arguments after the flags, from a JSON list or split at whitespace."""
        rest = self.text[self._start :].strip()
        if rest.startswith("["):
            try:
                return [str(word) for word in json.loads(rest)]
            except ValueError:
                pass
        return rest.split()

    @property
    def _start(self) -> int:
        match = re.match(r"(?:--[\w-]+(?:=\S+)?\s+)*", self.text)
        return match.end() if match else 0


def parse(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile. Raises DockerfileError when Docker could not parse it."""
    lines, escape, position = text.splitlines(), "\\", 0
    steps: list[Instruction] = []
    while position < len(lines) and (directive := _DIRECTIVE.fullmatch(lines[position])):
        escape = directive[2] if directive[1].lower() == "escape" else escape
        position += 1
    while position < len(lines):
        start = position
        parts: list[str] = []
        while position < len(lines):
            line = lines[position]
            position += 1
            if line.lstrip().startswith("#") or (parts and not line.strip()):
                continue
            parts.append(line.rstrip().removesuffix(escape))
            if not line.rstrip().endswith(escape):
                break
        joined = " ".join(part.strip() for part in parts).strip()
        for mark in [match["mark"] for match in _HEREDOC.finditer(joined)]:
            while position < len(lines) and lines[position].strip() != mark:
                joined += "\n" + lines[position]
                position += 1
            position += 1
        if joined:
            steps.append(_instruction(joined, start + 1))
    if not any(step.name == "FROM" for step in steps):
        raise DockerfileError("file with no instructions" if not steps else "no build stage in current context")
    return steps


def _instruction(text: str, line: int) -> Instruction:
    match = _INSTRUCTION.fullmatch(text)
    if match is None or not INSTRUCTIONS.fullmatch(match["name"].upper()):
        raise DockerfileError(f"dockerfile parse error line {line}: unknown instruction: {text.split()[0].upper()}")
    return Instruction(match["name"].upper(), match["rest"].strip(), line)
