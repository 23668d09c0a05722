"""The JSON schema of stack files: what is right by the settings is right by it, and a misspelt key is not."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from trainup.core.run_keys import KEYS
from trainup.infra.schema import schema

REPOSITORY = Path(__file__).parents[3]
SCHEMA = schema()


def problems(config: dict[str, Any]) -> list[str]:
    """Where the schema finds something wrong."""
    found = Draft202012Validator(SCHEMA).iter_errors({"config": config})
    return [".".join(str(step) for step in one.absolute_path) for one in found]


def run(**keys: Any) -> dict[str, Any]:
    return {"trainup:runs": {"digits": {"source": "training", "script": "train.py", **keys}}}


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_the_stack_files_that_are_here_are_right(stack: str) -> None:
    assert problems(yaml.safe_load((REPOSITORY / f"Pulumi.{stack}.yaml").read_text())["config"]) == []


@pytest.mark.parametrize(
    "keys",
    [
        {"arguments": "--epochs 5"},
        {"arguments": ["--epochs", 5, "--rate", 0.1]},
        {"secrets": ["TOKEN"]},
        {"secrets": {"TOKEN": "my-token"}},
        {"inputs": {"images": "pets", "rate": {"value": 0.1}}},
        {"outputs": ["model"]},
        {"outputs": {"model": None, "plots": {"mode": "upload"}}},
        {"timeout": "2h", "rerun": 7, "on_failure": "keep"},
    ],
)
def test_every_way_to_write_a_setting_is_right(keys: dict[str, Any]) -> None:
    assert problems(run(**keys)) == []


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (run(argument=[]), "config.trainup:runs.digits"),
        (run(retries=-1), "config.trainup:runs.digits.retries"),
        (run(on_failure="ignore"), "config.trainup:runs.digits.on_failure"),
        ({"trainup:cluster": {"max_node": 4}}, "config.trainup:cluster"),
        ({"trainup:cluster": {"min_nodes": 0}}, "config.trainup:cluster"),
        ({"trainup:run": {}}, "config.trainup:run"),
        (
            {"trainup:target": "azure", "azure-native:location": "westeurope", "trainup:image": {"python": "3.12"}},
            "config.trainup:image",
        ),
        ({"trainup:target": "azure", "trainup:image": {"builder": "acr"}}, "config"),
    ],
)
def test_what_is_wrong_is_found_where_it_stands(config: dict[str, Any], place: str) -> None:
    assert place in problems(config)


def test_a_secret_may_have_any_name() -> None:
    assert problems({"trainup:my-token": {"secure": "v1:abc"}, "other:key": "value"}) == []


def test_every_key_of_a_run_is_there_and_described() -> None:
    keys = SCHEMA["$defs"]["RunSettings"]["properties"]
    assert set(keys) == {"sweep", *(name for name, key in KEYS.items() if key.in_stack)}
    assert [name for name, item in keys.items() if not item.get("description")] == []


def test_bounds_and_choices_of_a_key_are_those_of_its_declaration() -> None:
    keys = SCHEMA["$defs"]["RunSettings"]["properties"]
    assert (keys["nodes"]["minimum"], keys["retries"]["minimum"]) == (1, 0)
    assert SCHEMA["$defs"][keys["on_delete"]["$ref"].rsplit("/", 1)[-1]]["enum"] == ["keep", "archive", "delete"]
