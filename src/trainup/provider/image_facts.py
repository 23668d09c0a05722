"""What is known of the packages of images: from this preview, and from the environments that are built here."""

from collections.abc import Sequence
from typing import Any

from trainup.core import targets
from trainup.provider.handler import Context, Properties
from trainup.provider.input_checks import local_workspace

_REQUIREMENTS: dict[str, Sequence[str]] = {}
"""Image reference → its requirements, for images that this process has checked: a preview checks images before runs."""


def note(reference: str, lines: Sequence[str]) -> None:
    """Remember the requirements of an image."""
    _REQUIREMENTS[reference] = lines


def packages_of(context: Context, inputs: Properties, reference: Any) -> Sequence[str] | None:
    """The requirements of an image by its reference; None where they are not known."""
    if not isinstance(reference, str):
        return None
    if reference in _REQUIREMENTS:
        return _REQUIREMENTS[reference]
    workspace = inputs.get("workspace")
    if not targets.is_on_this_machine(inputs.get("target")) or not isinstance(workspace, str):
        return None
    from trainup.jobs.local import environments

    return environments.requirements_of(local_workspace(context, workspace), reference)
