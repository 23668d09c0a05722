"""`trainup:index:Image`: an image or environment named by its content; one builder for each way to make it."""

import importlib
from functools import cache
from typing import Any

from trainup.core.inputs import Finding
from trainup.core.values import Unknown
from trainup.provider.handler import Change, Context, Difference, Handler, Properties, State
from trainup.provider.image_facts import ImageFacts

BUILDERS = {
    "venv": ("trainup.provider.image_venv", "VenvBuilder"),
    "acr": ("trainup.provider.image_acr", "RegistryBuilder"),
    "docker": ("trainup.provider.image_docker", "DockerfileCheck"),
    "prebuilt": ("trainup.provider.image_prebuilt", "Prebuilt"),
}
"""Builder → module and class. Imported at first use, since those for Azure take long to import."""
DEFAULT = "venv"


class ImageHandler:
    """Inputs: `builder` and those of the builder. Every builder has the output `reference`, the image by digest."""

    def __init__(self) -> None:
        self._facts = ImageFacts()

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        builder = _name(inputs)
        if isinstance(builder, Unknown):
            return inputs, [Finding("builder", "which builder it is has to be known before anything is built")]
        if not isinstance(builder, str) or builder not in BUILDERS:
            return inputs, [Finding("builder", f"{builder!r} is none of {', '.join(BUILDERS)}")]
        return _builder(builder).check(context, inputs)

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        if _name(old) != _name(new):
            difference = Difference({"builder": Change.REPLACE})
        else:
            difference = _builder(_name(new)).diff(context, state, old, new)
        if difference.changes:
            self._facts.remember(context, old, replaced=Change.REPLACE in difference.changes.values())
        return difference

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        self._facts.preview(context, inputs)
        return _builder(_name(inputs)).plan(context, inputs, state)

    def create(self, context: Context, inputs: Properties) -> State:
        return _builder(_name(inputs)).create(context, inputs)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return _builder(_name(inputs)).update(context, state, inputs)

    def read(self, context: Context, state: State) -> State | None:
        return _builder(_name(state.outputs)).read(context, state)

    def delete(self, context: Context, state: State) -> None:
        _builder(_name(state.outputs)).delete(context, state)


def _name(values: Properties) -> Any:
    return values.get("builder") or DEFAULT


@cache
def _builder(name: str) -> Handler:
    module, kind = BUILDERS[name]
    handler: Handler = getattr(importlib.import_module(module), kind)()
    return handler
