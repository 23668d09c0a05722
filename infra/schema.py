"""The JSON schema of `Pulumi.<stack>.yaml`, by which editors complete settings and mark mistakes.

It is generated from the declarations of the settings, so it has every key, with the text that is told where the key is
declared. Rules that only a preview can check (sizes, what exists, what fits together) are missing.
"""

from typing import Any

from pydantic import BaseModel

from trainup.core.project import NAMESPACE
from trainup.core.targets import DEFAULT
from trainup.infra.azure_keys import AZURE_NATIVE, AZURE_NATIVE_KEY
from trainup.infra.sections import Section
from trainup.infra.target_settings import declarations
from trainup.infra.texts import sections_of, texts_of

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SECURE: Schema = {
    "type": "object",
    "description": "A secret, as `pulumi config set --secret` writes it.",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


def schema() -> Schema:
    """The JSON schema; which settings it allows depends on the value of `trainup:target`."""
    definitions: Schema = {}
    parts = {name: _configuration(one.model, definitions) for name, one in declarations().items()}
    config = parts.pop(DEFAULT)
    for name, part in parts.items():
        is_named = {"properties": {f"{NAMESPACE}:target": {"const": name}}, "required": [f"{NAMESPACE}:target"]}
        config = {"if": is_named, "then": part, "else": config}
    return {
        "$schema": DIALECT,
        "title": "The settings of a trainup stack",
        "type": "object",
        "properties": {"config": {"type": "object", **config}},
        "$defs": definitions,
    }


def _configuration(model: type[Section], definitions: Schema) -> Schema:
    """The schema of `config` for one target; adds its sections to `definitions`."""
    model_schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= {name: _plain(section) for name, section in model_schema.pop("$defs").items()}
    sections = dict(sections_of(model))
    for name in sections.keys() & definitions.keys():
        _describe(definitions[name]["properties"], sections[name])
    _describe(model_schema["properties"], model)
    settings = {key: _plain(item) for key, item in model_schema["properties"].items() if key != AZURE_NATIVE}
    names = "|".join(settings)
    return {
        "type": "object",
        "properties": {f"{NAMESPACE}:{key}": item for key, item in settings.items()},
        # Any other key in the namespace is a secret with a name of the user's choice.
        "patternProperties": {f"^{NAMESPACE}:(?!({names})$)": SECURE},
        "required": [f"{AZURE_NATIVE_KEY}location"] if AZURE_NATIVE in model_schema["properties"] else [],
    }


def _describe(properties: Schema, model: type[BaseModel]) -> None:
    """Add the texts of the keys, for editors to show."""
    for name, text in texts_of(model).items():
        key = model.model_fields[name].alias or name
        lines = [
            text.meaning,
            f"Another value replaces {text.replaces}." if text.replaces else "",
            f"Costs: {text.costs}." if text.costs else "",
        ]
        properties[key if key in properties else name]["description"] = " ".join(filter(None, lines))


def _plain(item: Any) -> Any:
    """The schema without titles, which repeat the keys, and without null: a key without a value is left out."""
    if isinstance(item, list):
        return [_plain(one) for one in item]
    if not isinstance(item, dict):
        return item
    shown = {key: _plain(value) for key, value in item.items() if not (key == "title" and isinstance(value, str))}
    if "default" in shown and not isinstance(default := shown["default"], (str, int, float, bool)):
        del shown["default"]  # the keys of a section have defaults of their own
        kinds = [one for one in shown.pop("anyOf", []) if default is not None or one != {"type": "null"}]
        shown |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
    return shown
