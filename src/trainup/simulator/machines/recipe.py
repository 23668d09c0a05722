"""Reads from a Dockerfile what works without Docker: copied files, the Python version and pip packages."""

import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml

from trainup.simulator.cloud import dockerfile

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)")
_PYTHON = re.compile(r"(?:^|[\s/=:])python[=:]+(\d+\.\d+)")
_CONDA_PYTHON = re.compile(r"python\s*=+\s*(\d+\.\d+).*")
_PIP = re.compile(r"(?:\S*/)?pip3?(?:\.\d+)?")
_DROPPED = frozenset({"--no-cache-dir", "--user", "--quiet", "-q", "--disable-pip-version-check", "-e", "--editable"})
_BEFORE_FILES = frozenset({"-r", "--requirement", "-c", "--constraint"})
_FILE_FLAG = re.compile(r"(--requirement|--constraint|--find-links)=(.+)")


@dataclass
class Recipe:
    """The instructions of a Dockerfile that the simulator carries out, in order."""

    python: str | None = None
    """Python version such as `3.11`; None if the Dockerfile does not say."""

    copies: list[tuple[str, str]] = field(default_factory=list)
    """(source in the context, absolute path in the image, with a trailing slash for a folder)."""

    installs: list[list[str]] = field(default_factory=list)
    """Arguments of `pip install`, one list per command; files are absolute paths in the image."""


def read(text: str, arguments: Mapping[str, str] | None = None) -> Recipe:
    """Read a Dockerfile, without the instructions that need a container (apt-get, conda). Raises DockerfileError."""
    recipe, folder = Recipe(), PurePosixPath("/")
    variables: dict[str, str] = {}
    for step in dockerfile.steps(text):
        rest = _filled(step.text, variables)
        match step.name:
            case "FROM":  # only the last stage is part of the image
                recipe, folder = Recipe(python=_python_of(rest)), PurePosixPath("/")
            case "ARG":
                name, _, default = rest.partition("=")
                variables[name.strip()] = (arguments or {}).get(name.strip(), default.strip().strip("\"'"))
            case "ENV":
                variables |= _environment(rest)
            case "WORKDIR":
                folder /= rest.strip()
            case "COPY" | "ADD" if "from" not in step.flags:
                words = [_filled(word, variables) for word in step.words]
                recipe.copies += [(source, _target(folder, words)) for source in words[:-1]]
            case "RUN":
                recipe.python = _python_of(rest) or recipe.python
                recipe.installs += [_absolute(install, folder) for install in _pip(rest)]
    return recipe


def add_conda(recipe: Recipe, text: str) -> None:
    """Add the Python version and pip packages of a Conda file; its Conda packages are ignored."""
    for entry in (yaml.safe_load(text) or {}).get("dependencies") or []:
        if isinstance(entry, str) and (match := _CONDA_PYTHON.fullmatch(entry)):
            recipe.python = match[1]
        elif isinstance(entry, dict) and entry.get("pip"):
            recipe.installs.append([str(package) for package in entry["pip"]])


def stage(recipe: Recipe, context: Path, root: Path) -> None:
    """Copy the files to their paths in the image, below `root`. Raises FileNotFoundError for a missing source."""
    for source, target in recipe.copies:
        destination, plain = root / target.lstrip("/"), source.lstrip("/")
        for path in sorted(context.glob(plain)) if set(plain) & set("*?[") else [context / plain]:
            if not path.exists():
                raise FileNotFoundError(f"COPY failed: {source!r} is not in the build context")
            if path.is_dir():  # its content is copied, not the folder
                shutil.copytree(path, destination, dirs_exist_ok=True, symlinks=True)
                continue
            file = destination / path.name if target.endswith("/") or destination.is_dir() else destination
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, file)


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[3], match[2] or match[0]), text)


def _environment(rest: str) -> dict[str, str]:
    if "=" not in rest.split()[0]:
        name, _, value = rest.partition(" ")
        return {name: value}
    return dict(part.split("=", 1) for part in shlex.split(rest) if "=" in part)


def _python_of(text: str) -> str | None:
    match = _PYTHON.search(f" {text}")
    return match[1] if match else None


def _target(folder: PurePosixPath, words: list[str]) -> str:
    into = words[-1].endswith(("/", ".")) or len(words) > 2
    return f"{str(folder / words[-1]).rstrip('/')}/" if into else str(folder / words[-1])


def _pip(command: str) -> Iterator[list[str]]:
    """The arguments of every `pip install` in a shell command."""
    for part in re.split(r"&&|\|\||;|\n", command):
        try:
            words = shlex.split(part)
        except ValueError:
            continue  # quoting that shlex cannot parse
        for position, word in enumerate(words[:-1]):
            if _PIP.fullmatch(word) and words[position + 1] == "install":
                yield [argument for argument in words[position + 2 :] if argument not in _DROPPED]
                break


def _absolute(words: list[str], folder: PurePosixPath) -> list[str]:
    arguments, is_file = [], False
    for word in words:
        if flag := _FILE_FLAG.fullmatch(word):
            arguments.append(f"{flag[1]}={folder / flag[2]}")
        elif is_file or word == "." or word.startswith(("./", "../", "/")):
            arguments.append(str(folder / word))
        else:
            arguments.append(word)
        is_file = word in _BEFORE_FILES
    return arguments
