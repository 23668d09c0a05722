"""Parses a Dockerfile, and tells the images that it builds on and the variables that it sets."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")
_FLAGS = re.compile(r"(?:--[\w-]+(?:=\S*)?\s+)*")
_HEREDOC = re.compile(r"<<-?\s*(?P<quote>['\"]?)(?P<mark>\w+)(?P=quote)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?:(:?[-+])([^}]*))?\}|(\w+))")
SCRATCH = "scratch"
"""The empty image, which is in no registry."""


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile."""

    name: str
    """The instruction's name in upper case."""

    text: str
    """What follows the name: one line, into which continued lines are joined, and below it the lines of heredocs."""

    line: int
    """Number of its first line, from 1."""

    @property
    def flags(self) -> dict[str, str]:
        """`--from=build` → `{"from": "build"}`."""
        return dict(re.findall(r"--([\w-]+)(?:=(\S*))?\s", self._head[: self._start]))

    @property
    def words(self) -> list[str]:
        """The arguments after the flags, from a JSON list or split at whitespace; heredocs are left out."""
        rest = self._head[self._start :].strip()
        if rest.startswith("["):
            try:
                return [str(word) for word in json.loads(rest)]
            except ValueError:
                pass
        return rest.split()

    @property
    def _head(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def _start(self) -> int:
        match = _FLAGS.match(self._head)
        return match.end() if match else 0


@dataclass(frozen=True)
class BaseImage:
    """An image that a Dockerfile builds on or copies from."""

    line: int
    """Number of the instruction's first line, from 1."""
    reference: str


def base_images(text: str, arguments: Mapping[str, str] | None = None) -> list[BaseImage]:
    """The images in `FROM` and `COPY --from`, without the Dockerfile's own stages.

    `arguments` are build arguments. An image with a variable that nothing sets is left out.
    """
    given = dict(arguments or {})
    values: dict[str, str] = {}
    stages: set[str] = set()
    images: list[BaseImage] = []
    is_before_stages = True
    for step in instructions(text):
        words = step.words
        if step.name == "ARG" and is_before_stages:
            for word in words:
                key, _, default = word.partition("=")
                if key in given or "=" in word:
                    values[key] = given.get(key, default.strip("\"'"))
        elif step.name == "FROM":
            is_before_stages = False
            reference = _filled(words[0], values) if words else None
            if reference and reference.lower() not in stages | {SCRATCH}:
                images.append(BaseImage(step.line, reference))
            if len(words) > 2 and words[1].lower() == "as":
                stages.add(words[2].lower())
        elif step.name in ("COPY", "ADD"):
            source = step.flags.get("from", "")
            if source and not source.isdecimal() and source.lower() not in stages and "$" not in source:
                images.append(BaseImage(step.line, source))
    return images


def environment(text: str) -> dict[str, str]:
    """The variables that `ENV` sets, as they are written."""
    variables: dict[str, str] = {}
    for step in instructions(text):
        if step.name == "ENV":
            pairs = re.findall(r"(\w+)=(\"[^\"]*\"|'[^']*'|\S+)", step.text)
            variables |= {key: value.strip("\"'") for key, value in pairs}
            if not pairs and len(words := step.text.split(None, 1)) == 2:
                variables[words[0]] = words[1]
    return variables


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions in their order, also those that Docker does not know."""
    lines, position = text.splitlines(), 0
    escape = "\\"
    while position < len(lines) and (directive := _DIRECTIVE.fullmatch(lines[position])):
        escape = directive[2] if directive[1].lower() == "escape" else escape
        position += 1
    while position < len(lines):
        start = position + 1
        parts: list[str] = []
        while position < len(lines):
            line = lines[position].strip()
            position += 1
            if line.startswith("#") or not line:
                start = start if parts else position + 1
                continue
            parts.append(line.removesuffix(escape).strip())
            if not line.endswith(escape):
                break
        name, *rest = " ".join(parts).split(None, 1) or [""]
        joined = "".join(rest).strip()
        for match in _HEREDOC.finditer(joined):
            while position < len(lines) and lines[position].strip() != match["mark"]:
                joined += "\n" + lines[position]
                position += 1
            position += 1
        if name:
            yield Instruction(name.upper(), joined, start)


def _filled(text: str, values: Mapping[str, str]) -> str | None:
    """The text with its variables replaced; None where nothing sets one of them."""
    is_whole = True

    def replace(match: re.Match[str]) -> str:
        nonlocal is_whole
        name, operator, other = match[1] or match[4], match[2] or "", match[3] or ""
        if operator.endswith("+"):
            return other if values.get(name) else ""
        value = values.get(name) or (other if operator else values.get(name))
        is_whole = is_whole and bool(value)
        return value or ""

    filled = _VARIABLE.sub(replace, text)
    return filled if is_whole and filled else None
