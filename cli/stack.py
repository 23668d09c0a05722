"""What the Pulumi CLI knows of a stack, read through the CLI."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trainup.core.project import PROJECT_FILES

RUN_TYPE = "trainup:index:Run"


class StackError(Exception):
    """The stack cannot be read; the message is the CLI's own."""


@dataclass(frozen=True)
class Stack:
    """One stack's state."""

    name: str
    project: str
    resources: list[dict[str, Any]]

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack outputs of the last `up` that succeeded."""
        for resource in self.resources:
            if resource["type"] == "pulumi:pulumi:Stack":
                return dict(resource.get("outputs", {}))
        return {}

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        """Run → its resource, the one that counts."""
        found = {}
        for resource in self.resources:
            if resource["type"] == RUN_TYPE and not resource.get("delete"):
                found[str(resource["inputs"]["run"])] = resource
        return found

    def owns(self, urn: str) -> bool:
        """Whether a URN belongs to this stack."""
        return urn.startswith(f"urn:pulumi:{self.name}::{self.project}::")


def read(name: str) -> Stack:
    """Export a stack's state; secrets in it stay encrypted."""
    words = ["pulumi", "stack", "export", "--stack", name]
    try:
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise StackError('there is no `pulumi` on PATH: run `eval "$(make -s env)"` first') from error
    if answer.returncode != 0:
        raise StackError(answer.stderr.strip())
    try:
        deployment = json.loads(answer.stdout).get("deployment") or {}
    except (ValueError, AttributeError) as error:
        raise StackError(f"`{' '.join(words)}` printed no state: {error}") from error
    return Stack(name.rsplit("/", 1)[-1], project_name(Path.cwd()), deployment.get("resources") or [])


def project_folder(start: Path) -> Path:
    """The folder of Pulumi.yaml, here or above."""
    return _project_file(start).parent


def _project_file(start: Path) -> Path:
    for folder in (start, *start.parents):
        for name in PROJECT_FILES:
            if (folder / name).is_file():
                return folder / name
    raise StackError(f"there is no Pulumi.yaml in {start} or above: change to the project's folder")


def project_name(start: Path) -> str:
    """The `name` in Pulumi.yaml."""
    path = _project_file(start)
    try:
        text = path.read_text(encoding="utf-8-sig")
        return str((json.loads(text) if path.suffix == ".json" else yaml.safe_load(text))["name"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise StackError(f"{path} has no `name` that can be read: {error}") from error
