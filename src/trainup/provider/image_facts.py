"""What a preview tells of an image that is new or changes, and what it knows of the packages of images."""

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainup.core import facts as facts_words
from trainup.provider.handler import Context, Properties
from trainup.provider.input_checks import local_workspace

if TYPE_CHECKING:
    from trainup.jobs.facts.upload import Upload

_REQUIREMENTS: dict[str, Sequence[str]] = {}
"""Image reference → its requirements, for images that this process has checked: a preview checks images before runs."""
_REBUILT: dict[str, str] = {}
"""URN of an image that will be built again → why, in words."""
_LOCK = threading.Lock()


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
    if not reference.startswith("venv@") or not isinstance(workspace, str):
        return None
    from trainup.jobs.local import environments

    return environments.requirements_of(local_workspace(context, workspace), reference)


def why_rebuilt() -> str:
    """Why the image that a run will get is built again: known where one image of the stack is, for a preview does not
    know which image a run gets before that is built."""
    with _LOCK:
        return next(iter(_REBUILT.values())) if len(_REBUILT) == 1 else ""


class ImageFacts:
    """Remembers what `diff` has seen, for the call of `plan` that follows: a new image has none."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[Properties, bool]] = {}

    def remember(self, context: Context, old: Properties, *, replaced: bool) -> None:
        """Note the former inputs of an image that changes."""
        self._before[context.urn] = old, replaced

    def preview(self, context: Context, inputs: Properties) -> None:
        """Tell the facts."""
        from trainup.jobs.facts import images, report

        words = os.environ.get(facts_words.VARIABLE, "").split()
        old, replaced = self._before.pop(context.urn, (None, False))
        if facts_words.NOTHING in words:
            return
        reasons = []
        if old is not None:
            requirements = [packages_of(context, one, one.get("reference")) for one in (old, inputs)]
            reasons = images.reasons(old, inputs, requirements)
            if replaced:
                with _LOCK:
                    _REBUILT[context.urn] = "; ".join(one.text for one in reasons if not one.in_place)
        uploads = _uploads(context, old, inputs) if old is None or replaced else []
        action = "create" if old is None else "replace" if replaced else "update"
        facts = report.Facts(context.urn.rsplit("::", 1)[-1], "image", action, reasons, uploads)
        if text := report.message(facts, words):
            context.note(text)


def _uploads(context: Context, old: Properties | None, inputs: Properties) -> "list[Upload]":
    """The context that a registry gets. Other builders upload nothing themselves."""
    if inputs.get("builder") != "acr" or not isinstance(inputs.get("manifest"), dict):
        return []
    from trainup.jobs import build_context
    from trainup.jobs.facts import files
    from trainup.jobs.facts.images import without_dockerfile
    from trainup.jobs.facts.upload import Upload, largest
    from trainup.provider.image_acr import recipe_of

    try:
        sizes, rules = build_context.survey(recipe_of(context, inputs))
    except (OSError, ValueError):  # changed since it was checked: the build will say so
        return []
    former = old.get("manifest") if old else None
    changes = None
    if isinstance(former, dict):
        changes = files.compare(without_dockerfile(former), without_dockerfile(inputs["manifest"]))
    upload = Upload(
        "build context",
        str(inputs.get("context") or "."),
        len(sizes),
        sum(sizes.values()),
        largest(sizes),
        rules,
        changes,
        former is None,
        unknown="the registry may have this image already, and is asked before it is built",
    )
    return [upload]
