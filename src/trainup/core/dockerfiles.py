"""What a Dockerfile says of the images that it builds on, and of the Python packages that it installs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?:(:?[-+])([^}]*))?\}|(\w+))")
SCRATCH = "scratch"
"""The empty image, which is in no registry."""


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
    for line, name, rest in instructions(text):
        words = rest.split()
        if name == "ARG" and is_before_stages:
            for word in words:
                key, _, default = word.partition("=")
                if key in given or "=" in word:
                    values[key] = given.get(key, default.strip("\"'"))
        elif name == "FROM":
            is_before_stages = False
            plain = [word for word in words if not word.startswith("--")]
            reference = _filled(plain[0], values) if plain else None
            if reference and reference.lower() not in stages | {SCRATCH}:
                images.append(BaseImage(line, reference))
            if len(plain) > 2 and plain[1].lower() == "as":
                stages.add(plain[2].lower())
        elif name in ("COPY", "ADD"):
            for word in words:
                source = word.removeprefix("--from=")
                if source != word and not source.isdecimal() and source.lower() not in stages and "$" not in source:
                    images.append(BaseImage(line, source))
    return images


def environment(text: str) -> dict[str, str]:
    """The variables that `ENV` sets, as they are written."""
    variables: dict[str, str] = {}
    for _, name, rest in instructions(text):
        if name == "ENV":
            pairs = re.findall(r"(\w+)=(\"[^\"]*\"|'[^']*'|\S+)", rest)
            variables |= {key: value.strip("\"'") for key, value in pairs}
            if not pairs and len(words := rest.split(None, 1)) == 2:
                variables[words[0]] = words[1]
    return variables


def instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, name in upper case, rest) of each instruction, with continued lines joined."""
    lines, position = text.splitlines(), 0
    escape = next((match[1] for line in lines[:3] if (match := _ESCAPE.match(line.strip()))), "\\")
    while position < len(lines):
        start = position + 1
        parts: list[str] = []
        while position < len(lines):
            line = lines[position].strip()
            position += 1
            if line.startswith("#") or not line:
                start = start if parts else position + 1
                continue
            parts.append(line.removesuffix(escape))
            if not line.endswith(escape):
                break
        joined = " ".join(parts).strip()
        for mark in _HEREDOC.findall(joined):
            while position < len(lines) and lines[position].strip() != mark:
                position += 1
            position += 1
        if joined:
            name, _, rest = joined.partition(" ")
            yield start, name.upper(), rest.strip()


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
