"""`trainup:index:Keep`: refuses, in the preview, an edit that would delete a resource that holds data."""

from collections.abc import Mapping

from trainup.core.inputs import Finding
from trainup.core.values import has_unknown
from trainup.provider.handler import Change, Context, Difference, Properties, State, compare
from trainup.provider.input_checks import check_names

HOLDS = {
    "workspace": "the workspace with the records of all runs",
    "storage": "the storage account and the key vault with all code, logs, outputs and secrets",
    "registry": "the container registry with all images",
}
"""Key of the resource → what would be lost with it."""


class KeepHandler:
    """Inputs: `kept`, resource with data → setting → value; `discard`, those that may be deleted; `stack`, its name.

    Azure cannot change these settings of an existing resource: another value replaces it by an empty one. This resource
    itself creates nothing and has no outputs.
    """

    def check(self, context: Context, inputs: Properties) -> tuple[Properties, list[Finding]]:
        findings = check_names(inputs, ("kept",), ("discard", "stack"))
        if findings or has_unknown(inputs):
            return inputs, findings
        old, new = (context.before or {}).get("stack"), inputs.get("stack")
        if old and old != new:
            change = f"the stack was {old!r} and is {new!r}"
            way_out = f"`pulumi stack rename {old}` takes the name back"
            return inputs, [
                Finding(
                    "stack",
                    f"{change}: its Azure resources are known by the name, so all of them would be made anew, empty, "
                    f"and what is there would be deleted; {way_out}, and another stack can be made beside it",
                )
            ]
        before = (context.before or {}).get("kept", {})
        lost = {
            noun: _changes(settings, inputs["kept"].get(noun))
            for noun, settings in before.items()
            if noun not in (inputs.get("discard") or ())
        }
        return inputs, [
            Finding(
                "",
                f"{why}, which deletes {HOLDS.get(noun, noun)}: put it back, or, to lose that, list {noun!r} in "
                "trainup:discard for one `pulumi up`",
            )
            for noun, why in lost.items()
            if why
        ]

    def diff(self, context: Context, state: State, old: Properties, new: Properties) -> Difference:
        return Difference(compare(old, new, lambda name: Change.UPDATE))

    def plan(self, context: Context, inputs: Properties, state: State | None) -> Properties:
        return inputs

    def create(self, context: Context, inputs: Properties) -> State:
        return State("keep", inputs)

    def update(self, context: Context, state: State, inputs: Properties) -> State:
        return State(state.id, inputs)

    def read(self, context: Context, state: State) -> State | None:
        return state

    def delete(self, context: Context, state: State) -> None:
        """There is nothing to delete."""


def _changes(old: Mapping[str, str], new: Mapping[str, str] | None) -> str:
    """The settings that differ, in words; empty if none does."""
    if new is None:
        return "the stack would have none of its own any more"
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return ", ".join(f"{name} was {_shown(old.get(name))} and is {_shown(new.get(name))}" for name in names)


def _shown(value: str | None) -> str:
    return "not set" if value is None else repr(value)
