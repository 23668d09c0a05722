"""Writes docs/settings.md, the reference of all settings, from their declarations:

python -m trainup.infra.reference docs/settings.md
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trainup.core.run_keys import KEYS
from trainup.core.targets import TARGETS, is_on_this_machine
from trainup.infra.azure_keys import AZURE_NATIVE, AZURE_NATIVE_KEY
from trainup.infra.run_settings import RunSettings
from trainup.infra.schema import Schema, schema
from trainup.infra.target_settings import declarations
from trainup.infra.texts import sections_of, texts_of

PLACES = {
    name: "on this machine" if is_on_this_machine(name) else f"on {name.capitalize()}"
    for name in sorted(TARGETS, key=is_on_this_machine)
}
"""Target → where its stacks are, in words; those elsewhere first."""
INTRODUCTION = """\
# Settings

Every key of `Pulumi.<stack>.yaml`, below `config:`. This page is written by `python -m trainup.infra.reference
docs/settings.md` from the declarations of the keys; `trainup schema` is the same for editors.

*Replaces* is what another value makes anew; where it is empty, the stack is updated in place. *Costs* is what the key
decides on; where it is empty, nothing.

Values of secrets are under names of your choice (`pulumi config set --secret trainup:<name>`), which `secrets` of a run
or `key` of data names.
"""
Row = tuple[str, ...]


def page() -> str:
    """The whole page."""
    settings = {name: declaration.model for name, declaration in declarations().items()}
    keys = list(dict.fromkeys(key for model in settings.values() for key in model.model_fields))
    definitions: Schema = schema()["$defs"]
    parts = [INTRODUCTION]
    for key in [*(key for key in keys if key not in ("runs", AZURE_NATIVE)), AZURE_NATIVE, "runs"]:
        owners = {target: settings[target] for target in PLACES if key in settings[target].model_fields}
        name = f"{AZURE_NATIVE_KEY}…" if key == AZURE_NATIVE else f"trainup:{key}"
        parts.append(f"## `{name}`\n")
        for target, model in owners.items():
            parts.append("\n".join(_part(key, target, model, definitions, is_alone=len(owners) == 1)))
            if key == "runs":
                break  # the keys of a run are the same on every target
    return "\n".join(parts)


def _part(key: str, target: str, model: type[BaseModel], definitions: Schema, *, is_alone: bool) -> Iterator[str]:
    """What one target has under a key of the stack file."""
    text, field = texts_of(model)[key], model.model_fields[key]
    about = text.meaning + (f" Another value replaces {text.replaces}." if text.replaces else "")
    about += f" Costs {text.costs}." if text.costs else ""
    if key == "runs":
        yield f"{about}\n"
    elif is_alone:
        yield f"{about} Only {PLACES[target]}.\n"
    else:
        yield f"{PLACES[target][0].upper()}{PLACES[target][1:]}: {about}\n"
    classes = {name: one for name, one in sections_of(model) if name in str(field.annotation)}
    if not classes:
        yield f"Type: {_kind(_schema_of(model)['properties'][key], definitions)}.{_sentence(field)}\n"
    for _, one in sections_of(next(iter(classes.values()))) if classes else ():
        if one is not next(iter(classes.values())):
            yield f"`{_title(one)}`:\n"
        yield from _table(_rows(one, definitions))
        yield ""


def _sentence(field: FieldInfo) -> str:
    default = _default(field.get_default(call_default_factory=True))
    return f" Default: {default}." if default else ""


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(ref_template="#/$defs/{model}")


def _title(model: type[BaseModel]) -> str:
    """The key that an inner section stands under: the first that its docstring names."""
    return (model.__doc__ or "").split("`")[1]


def _rows(model: type[BaseModel], definitions: Schema) -> list[Row]:
    """A row for each key of a section, under the heading."""
    texts, properties = texts_of(model), _schema_of(model)["properties"]
    is_run = issubclass(model, RunSettings)
    heading = ("key", "type", "default", "meaning", "replaces", *(("here", "on Azure") if is_run else ("costs",)))
    rows = [heading]
    for name, field in model.model_fields.items():
        text, shown = texts[name], field.alias or name
        more = _on_targets(name) if is_run else (text.costs,)
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        kind = _kind(properties.get(shown, properties.get(name, {})), definitions)
        rows.append((f"`{shown}`", kind, default, text.meaning, text.replaces, *more))
    return rows


def _on_targets(name: str) -> tuple[str, str]:
    """What a key of a run does here, and on Azure."""
    if name not in KEYS:  # `sweep` makes many runs of one
        return "as many trials at once as there are slots", "trials are jobs, as many at once as nodes"
    return KEYS[name].local or "nothing", KEYS[name].azure


def _table(rows: list[Row]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
        if number == 0:
            yield f"|{'---|' * len(row)}"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "" if value in (None, "", [], {}) else f"`{value}`"


def _kind(item: Schema, definitions: Schema) -> str:
    """The type of a value, in words."""
    if reference := item.get("$ref"):
        return _kind(definitions.get(reference.rsplit("/", 1)[-1], {"type": "object"}), definitions)
    if values := item.get("enum"):
        return ", ".join(f"`{value}`" for value in values)
    if "const" in item:
        return f"`{item['const']}`"
    if choices := item.get("anyOf"):
        kinds = dict.fromkeys(_kind(one, definitions) for one in choices if one != {"type": "null"})
        return " or ".join(kind for kind in kinds if kind != "whole number" or "number" not in kinds)
    if item.get("type") == "array":
        return f"list of {_kind(item.get('items', {}), definitions).replace(' or ', ' and ')}"
    if item.get("type") == "object":
        below = item.get("additionalProperties")
        return f"map of {_kind(below, definitions)}" if isinstance(below, dict) and "type" in below else "map"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    return words.get(str(item.get("type")), "")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
