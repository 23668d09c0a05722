"""The interface of a resource kind, in plain Python values."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from trainup.core.errors import TrainupError
from trainup.core.inputs import Finding
from trainup.core.values import UNKNOWN

Properties = dict[str, Any]


class ResourceError(TrainupError):
    """The operation failed, and the user can do something about it; the message says what."""


class InitFailed(Exception):
    """The resource exists but is not as declared: the engine keeps id and outputs, and the update fails."""

    def __init__(self, resource_id: str, outputs: Properties, reasons: list[str], *, refresh: bool = False) -> None:
        super().__init__("; ".join(reasons))
        self.id, self.outputs, self.reasons, self.refresh = resource_id, outputs, reasons, refresh


@dataclass(frozen=True)
class Context:
    """The circumstances of one call: the resource, the project, and how to report to the user."""

    urn: str
    project: Path
    """The folder of Pulumi.yaml; relative paths start there."""
    canceled: threading.Event
    before: Properties | None = None
    """For `check`: the inputs that were deployed, if any."""
    info: Callable[[str], None] = lambda text: None
    """Shows a line of progress, which is not kept."""
    note: Callable[[str], None] = lambda text: None
    """Shows a line that stays among the diagnostics, and asks for nothing."""
    warn: Callable[[str], None] = lambda text: None
    """Shows a warning, which stays among the diagnostics."""


@dataclass(frozen=True)
class State:
    """A resource that exists. `refresh` asks the engine to read it before the next diff."""

    id: str
    outputs: Properties
    inputs: Properties | None = None
    refresh: bool = False


class Change(StrEnum):
    """How one property differs."""

    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True)
class Difference:
    """What an update would change: property path → kind. Empty means nothing."""

    changes: dict[str, Change] = field(default_factory=dict)
    delete_first: bool = False
    """Delete the old one before the new one is created."""


class Handler(Protocol):
    """One resource kind. Nothing here writes anything while a preview runs."""

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        """Returns the completed inputs and the findings about them; values may be UNKNOWN."""
        ...

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        """Compare checked inputs."""
        ...

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        """The outputs that a create (or, with a state, an update) would have, as far as they are known."""
        ...

    def create(self, context: Context, inputs: Properties) -> State:
        """Make it."""
        ...

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        """Change it in place."""
        ...

    def read(self, context: Context, state: State) -> State | None:
        """The current state; None when the resource is gone."""
        ...

    def delete(self, context: Context, state: State) -> None:
        """Remove it."""
        ...


def recreation(context: Context, what: str, output: str) -> dict[str, Change]:
    """The changes of a resource that is in the state but no longer on this machine: an update creates it again.

    `output` is the output that the preview shows as changed. Warns the user.
    """
    context.warn(f"{what} is not there any more, and is made again")
    return {output: Change.UPDATE}


def compare(old: Properties, new: Properties, kinds: Callable[[str], Change]) -> dict[str, Change]:
    """The property paths in which two sets of inputs differ, each with its property's kind of change."""
    changes: dict[str, Change] = {}
    for name in sorted(old.keys() | new.keys()):
        for path in _paths(name, old.get(name), new.get(name)):
            changes[path] = kinds(name)
    return changes


def _paths(path: str, old: Any, new: Any) -> list[str]:
    if old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            inner
            for key in sorted(old.keys() | new.keys())
            for inner in _paths(_below(path, key), old.get(key), new.get(key))
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [inner for index, (a, b) in pairs for inner in _paths(f"{path}[{index}]", a, b)]
    return [path]


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'


def unknown_outputs(*names: str) -> Properties:
    """Outputs that are known only after the operation."""
    return dict.fromkeys(names, UNKNOWN)
