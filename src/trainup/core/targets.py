"""All targets, one line each; nothing else in trainup chooses by the name of a target.

Every layer has a module for each target, by its name:

- `core/<name>_inputs.py`: `findings`, the rules about the inputs of its runs;
- `jobs/<name>/opening.py`: what `jobs/targets.py` calls an `Opening`, and with it the target itself;
- `infra/<name>_settings.py`: `DECLARED`, the settings of its stacks, as `infra/target_settings.py` has them;
- `infra/<name>.py`: `build`, which composes the components in `components/<name>/` into a platform.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

Problems = Iterator[tuple[str, str]]
"""(input, reason) of each finding."""
Rules = Callable[[Mapping[str, Any], Mapping[str, Any]], Problems]
"""Yields the findings about a run, from its raw inputs and from those that could be parsed."""


@dataclass(frozen=True)
class TargetKind:
    """Properties of a target that are known without importing its code."""

    on_this_machine: bool
    """Its workspace is a folder of the project; cluster, Python and the records of runs are on this machine."""
    keeps_code: bool
    """Its workspace keeps code under Azure ML's hash of the folder, which previews therefore compute."""


KINDS: Mapping[str, TargetKind] = {
    "local": TargetKind(on_this_machine=True, keeps_code=False),
    "azure": TargetKind(on_this_machine=False, keeps_code=True),
}
TARGETS = tuple(KINDS)
DEFAULT = TARGETS[0]
"""The target of a stack that names none."""


def find(name: object) -> TargetKind | None:
    """The target of this name; None if there is none, or if the name is still unknown."""
    return KINDS.get(name) if isinstance(name, str) else None


def is_on_this_machine(name: object) -> bool:
    """Whether this is the name of a target on this machine."""
    kind = find(name)
    return kind is not None and kind.on_this_machine


def is_elsewhere(name: object) -> bool:
    """Whether this is the name of a target that is not on this machine."""
    kind = find(name)
    return kind is not None and not kind.on_this_machine


def rules_of(name: str) -> Rules:
    """The rules about the inputs of a target's runs."""
    return cast(Rules, import_module(f"trainup.core.{name}_inputs").findings)
