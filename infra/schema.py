"""The JSON schema of `Pulumi.<stack>.yaml`: editors complete the settings by it, and underline what is wrong.

It is made of the settings' own declarations, so it knows every key; what a key means to a run is told by the
declaration of that key. What only the preview can tell (names of sizes, what exists, what fits together) is not in it.
"""

from typing import Any

from trainup.core.project import NAMESPACE
from trainup.core.run_keys import KEYS
from trainup.core.targets import DEFAULT
from trainup.infra.azure_provider_settings import AZURE_NATIVE, AZURE_NATIVE_KEY
from trainup.infra.sections import Section
from trainup.infra.target_settings import declarations

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
    """As JSON; the settings of another target are no settings of a stack."""
    definitions: Schema = {}
    parts = {name: _configuration(one.model, definitions) for name, one in declarations().items()}
    for name, item in definitions["RunSettings"]["properties"].items():
        item.setdefault("description", KEYS[name].doc)  # where a stack file says the same as the component
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
    """`config` of one target; adds the sections that it has to `definitions`."""
    model_schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= {name: _plain(section) for name, section in model_schema.pop("$defs").items()}
    settings = {key: _plain(item) for key, item in model_schema["properties"].items() if key != AZURE_NATIVE}
    names = "|".join(settings)
    return {
        "type": "object",
        "properties": {f"{NAMESPACE}:{key}": item for key, item in settings.items()},
        # Any other key of ours is a secret, whose name is the user's.
        "patternProperties": {f"^{NAMESPACE}:(?!({names})$)": SECURE},
        "required": [f"{AZURE_NATIVE_KEY}location"] if AZURE_NATIVE in model_schema["properties"] else [],
    }


def _plain(item: Any) -> Any:
    """Without titles, which only repeat the keys, and without null: a key that is not set is left out."""
    if isinstance(item, list):
        return [_plain(one) for one in item]
    if not isinstance(item, dict):
        return item
    shown = {key: _plain(value) for key, value in item.items() if not (key == "title" and isinstance(value, str))}
    if "default" in shown and not isinstance(default := shown["default"], (str, int, float, bool)):
        del shown["default"]  # that of a section is told key by key
        kinds = [one for one in shown.pop("anyOf", []) if default is not None or one != {"type": "null"}]
        shown |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
    return shown
