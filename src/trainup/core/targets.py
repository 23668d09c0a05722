"""The targets that there are: a line for each, which is all that chooses by name.

Every layer has the rest of a target under its name:

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
"""Input and reason."""
Rules = Callable[[Mapping[str, Any], Mapping[str, Any]], Problems]
"""What is wrong with inputs as they were given, and with those among them that were parsed."""


@dataclass(frozen=True)
class TargetKind:
    """What is known of a target without loading any code of its own."""

    on_this_machine: bool
    """Its workspace is a folder beside the project; cluster, Python and the records of runs are this machine's."""
    keeps_code: bool
    """Its workspace keeps code under the hash that Azure ML takes of a folder, so that a preview computes it."""


KINDS: Mapping[str, TargetKind] = {
    "local": TargetKind(on_this_machine=True, keeps_code=False),
    "azure": TargetKind(on_this_machine=False, keeps_code=True),
}
TARGETS = tuple(KINDS)
DEFAULT = TARGETS[0]
"""Where a stack runs that does not say."""


def find(name: object) -> TargetKind | None:
    """The target of this name; None where there is none, and for what is not known yet."""
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
