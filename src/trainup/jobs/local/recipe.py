"""What an environment is made of: the requirements with all files that they include, and the Python version."""

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from trainup.core import bounded, requirements
from trainup.core.canonical import sha256
from trainup.core.texts import decode

PREFIX = "venv@sha256:"
NOT_PIPS = (".toml", ".py", ".cfg")
"""Files from which uv would read requirements as well, and build the project beside them."""
MOST_REQUIREMENTS = 1024**2
"""Bytes of a file of requirements."""
MOST_FILES = 100
"""Maximum of files that a file of requirements includes, each counted as often as it is included."""


@dataclass(frozen=True)
class Recipe:
    """What an environment is made of; equal recipes share one environment."""

    requirements: Path | None
    lines: tuple[str, ...]
    """The requirements without comments, included files in place."""
    python: str

    @property
    def reference(self) -> str:
        """`venv@sha256:…` over requirements, Python version and platform."""
        content = {
            "requirements": list(self.lines),
            "python": self.python,
            "platform": f"{sys.platform}-{platform.machine()}",
        }
        return PREFIX + sha256(content)


def this_python() -> str:
    """Major and minor version of the interpreter that runs trainup."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def read_recipe(requirements: Path | None, python: str | None = None) -> tuple[Recipe, list[str]]:
    """Read a file of requirements; returns (recipe, findings). `python` defaults to the version that runs trainup."""
    reading = _Reading()
    lines = tuple(reading.lines(requirements)) if requirements else ()
    return Recipe(requirements, lines, python or this_python()), reading.problems


class _Reading:
    """Reads a file of requirements and all that it includes."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._files = 0

    def lines(self, path: Path, above: tuple[str, ...] = ()) -> list[str]:
        """The lines of the file, with included files in place; `above` holds the files that include it."""
        self._files += 1
        if self._files > MOST_FILES:
            self.problems.append(f"{path} is one of more than {MOST_FILES} files that include each other")
            return []
        here = (*above, os.path.normpath(path))
        result = []
        for line in requirements.lines(self._text(path)):
            if problem := requirements.problem(line):
                self.problems.append(f"{path} {problem}")
            elif (included := requirements.included(line)) is None:
                result.append(line)
            elif os.path.normpath(other := path.parent / included) in here:
                self.problems.append(f"{path} includes itself by {line!r}")
            elif self._files <= MOST_FILES:
                result += [line.split()[0], *self.lines(other, here)]
        return result

    def _text(self, path: Path) -> str:
        if path.suffix in NOT_PIPS:
            self.problems.append(
                f"{path} is no file of requirements in pip's format, and what it is a part of would not be part of the "
                f"image's digest: write one with `uv pip compile {path.name} -o requirements.txt`"
            )
            return ""
        try:
            return decode(bounded.read_bytes(path, MOST_REQUIREMENTS))
        except FileNotFoundError:
            self.problems.append(f"there is no file {path}: requirements are a file that pip and uv can read")
        except (OSError, ValueError) as error:  # also a name that no file can have
            self.problems.append(f"{path} cannot be read: {error}")
        return ""
