"""The packages that a script needs: those that the folder declares, else those that the script imports."""

import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from trainup.core import requirements
from trainup.core.errors import UserError
from trainup.core.texts import decode

GENERATED_FILE = "requirements.trainup.txt"
"""The file for packages that are declared in pyproject.toml or a Conda file."""
CONDA_FILES = ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml", "env.yml")
NAMES = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "Levenshtein": "levenshtein",
    "faiss": "faiss-cpu",
    "dotenv": "python-dotenv",
    "pytorch_lightning": "pytorch-lightning",
    "sentence_transformers": "sentence-transformers",
    "huggingface_hub": "huggingface-hub",
    "google": "",  # a namespace of many packages
}
"""Module → package, where their names differ."""
NOT_PIPS = frozenset({"python", "pip", "cudatoolkit", "pytorch-cuda", "cudnn", "nodefaults"})
"""Conda packages that PyPI does not have, or has as part of another package."""
_CONDA_ENTRY = re.compile(r"(?:[^\s:]+::)?([A-Za-z0-9._-]+)\s*(.*)")
"""`channel::name rule`, where the rule is `=1.2`, `==1.2`, `>=1.2` or `=1.2=build`."""
CONDA_NAMES = {"pytorch": "torch", "py-opencv": "opencv-python-headless", "tensorflow-gpu": "tensorflow"}


@dataclass(frozen=True)
class Packages:
    """What a run's environment is built from."""

    file: str | None
    """Path of the requirements file, relative to the folder; None where no packages are needed."""
    lines: list[str] = field(default_factory=list)
    """Lines of that file, where it does not exist yet."""
    python: str | None = None
    """The Python version that the folder asks for, such as `3.11`."""
    remarks: list[str] = field(default_factory=list)
    """Sentences for the user about how the packages were determined."""


class UnreadablePackages(UserError):
    """A file that declares packages cannot be read; the message says which, why, and what to do."""


def find(folder: Path, near: Path, imports: Iterable[str]) -> Packages:
    """The packages of a script in `near`, a folder relative to `folder`. Raises UnreadablePackages."""
    subfolders = [*dict.fromkeys((near, *near.parents))]
    for subfolder in subfolders:
        for name in ("requirements.txt", "requirements/train.txt", "requirements/base.txt"):
            if (folder / subfolder / name).is_file():
                return _of_requirements(folder, subfolder / name)
    for subfolder in subfolders:
        if (folder / subfolder / "pyproject.toml").is_file() and (
            packages := _of_pyproject(folder, subfolder / "pyproject.toml")
        ):
            return packages
        for name in CONDA_FILES:
            if (folder / subfolder / name).is_file():
                return _of_conda(folder, subfolder / name)
    return _of_imports(folder / near, imports)


def _of_requirements(folder: Path, path: Path) -> Packages:
    try:
        text = decode((folder / path).read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadablePackages(f"{path} cannot be read: {error}; mend it, then repeat `trainup init`") from error
    problems = [problem for line in requirements.lines(text) if (problem := requirements.problem(line))]
    return Packages(str(path), remarks=[f"{path} {problem}" for problem in problems])


def _of_pyproject(folder: Path, path: Path) -> Packages | None:
    try:
        content = tomllib.loads(decode((folder / path).read_bytes()))
        project: dict[str, Any] = content.get("project") or {}
        lines = [str(line) for line in project.get("dependencies") or []]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UnreadablePackages(f"{path} cannot be read: {error}; mend it, then repeat `trainup init`") from error
    if not lines:
        return None
    remark = f"{GENERATED_FILE} has the dependencies of {path}; keep both in step, or generate one from the other"
    return Packages(GENERATED_FILE, lines, remarks=[remark])


def _of_conda(folder: Path, path: Path) -> Packages:
    try:
        content = yaml.safe_load(decode((folder / path).read_bytes()))
        entries = list(content["dependencies"])
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        reason = "it has no list of `dependencies`" if isinstance(error, (KeyError, TypeError)) else str(error)
        raise UnreadablePackages(f"{path} cannot be read: {reason}; mend it, then repeat `trainup init`") from error
    lines, python = [], None
    for entry in entries:
        if isinstance(entry, dict):
            lines += [str(line) for line in entry.get("pip") or []]
            continue
        match = _CONDA_ENTRY.fullmatch(str(entry).strip())
        if match is None:
            continue
        name, rule = match[1], match[2].strip()
        exact = rule.lstrip("= ").partition("=")[0] if rule.startswith("=") else ""
        if name == "python":
            python = ".".join(exact.split(".")[:2]) or None
        elif name not in NOT_PIPS:
            is_version = bool(exact) and "*" not in exact
            lines.append(CONDA_NAMES.get(name, name) + (f"=={exact}" if is_version else "" if exact else rule))
    remark = f"{GENERATED_FILE} has what {path} lists, as packages of PyPI; check that each has the same name there"
    return Packages(GENERATED_FILE, lines, python, [remark])


def _of_imports(folder: Path, imports: Iterable[str]) -> Packages:
    own = {path.stem for path in folder.glob("*.py")} | {path.name for path in folder.glob("*/") if path.is_dir()}
    foreign = sorted(name for name in imports if name not in sys.stdlib_module_names and name not in own)
    lines = [package for name in foreign if (package := NAMES.get(name, name))]
    if not lines:
        return Packages(None)
    remark = f"requirements.txt has what the script imports ({', '.join(foreign)}), without versions: pin them"
    return Packages("requirements.txt", lines, remarks=[remark])
