"""The settings' reference: every key has its text, the page is that of the declarations, and what it claims is so."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.declared import ML, deploy, given
from tests.support.recording import Registered
from trainup.infra.azure_sections import AzureClusterSettings, AzureWorkspaceSettings, RegistrySettings
from trainup.infra.reference import page
from trainup.infra.schema import schema
from trainup.infra.target_settings import declarations
from trainup.infra.texts import KeyText, sections_of, texts_of
from trainup.simulator.plugins.catalog import KINDS
from trainup.simulator.plugins.differences import differences

REPOSITORY = Path(__file__).parents[3]
SECTIONS = dict(pair for one in declarations().values() for pair in sections_of(one.model))
SUBNET = f"{ML[: ML.index('/providers')]}/providers/Microsoft.Network/virtualNetworks/net/subnets/nodes"
SSH = {"ssh_user": "ann", "ssh_public_key": "ssh-ed25519 AAAA"}


def test_the_page_is_that_of_the_declarations() -> None:
    written = (REPOSITORY / "docs" / "settings.md").read_text()
    assert written == page(), "python -m trainup.infra.reference docs/settings.md"


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_has_its_text(name: str) -> None:
    texts = texts_of(SECTIONS[name])
    assert [key for key in SECTIONS[name].model_fields if key not in texts] == []
    assert [key for key, text in texts.items() if not re.match(r"[A-Z`]", text.meaning)] == []


def test_editors_see_the_texts() -> None:
    definitions = schema()["$defs"]
    shown = definitions["AzureClusterSettings"]["properties"]
    assert shown["spot"]["description"].startswith("Whether to use spot nodes")
    assert "Another value replaces the cluster." in shown["spot"]["description"]
    assert "Costs: " in shown["min_nodes"]["description"]
    for name, section in definitions.items():
        assert [key for key, item in section.get("properties", {}).items() if "description" not in item] == [], name


def test_a_text_says_what_is_replaced_and_what_it_costs() -> None:
    assert texts_of(AzureClusterSettings)["spot"] == KeyText(
        "Whether to use spot nodes, which Azure may take away; `on_preemption` of a run says what happens then.",
        "the cluster",
        "often a fifth to a half of the price of dedicated nodes",
    )


CHANGES: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "cluster": {
        "name": ({}, {"name": "other"}),
        "size": ({}, {"size": "gpu-large"}),
        "min_nodes": ({}, {"min_nodes": 1}),
        "max_nodes": ({}, {"max_nodes": 3}),
        "idle": ({}, {"idle": "9m"}),
        "spot": ({}, {"spot": True}),
        "subnet": ({}, {"subnet": SUBNET}),
        "ssh_user": (SSH, {**SSH, "ssh_user": "bob"}),
        "ssh_public_key": (SSH, {**SSH, "ssh_public_key": "ssh-ed25519 BBBB"}),
    },
    "registry": {"name": ({"name": "images1"}, {"name": "images2"}), "sku": ({}, {"sku": "Premium"})},
    "workspace": {
        "name": ({"name": "one"}, {"name": "two"}),
        "resource_group": ({"resource_group": "one"}, {"resource_group": "two"}),
    },
}
"""Section → key → its values before and after."""
NOUNS = {"cluster": "Compute", "registry": "Registry", "workspace": "Workspace"}
MODELS = {"cluster": AzureClusterSettings, "registry": RegistrySettings, "workspace": AzureWorkspaceSettings}
LOOKED_FOR = {"id", "config", "serverless", "gpu", "gpus", "server", "username", "password"}
"""Keys that choose another resource rather than change one."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "key"), [(section, key) for section, keys in CHANGES.items() for key in keys], ids=lambda name: name
)
def test_what_is_said_to_be_replaced_is_replaced_and_nothing_else_is(section: str, key: str) -> None:
    before, after = CHANGES[section][key]
    claim = texts_of(MODELS[section])[key].replaces
    assert claim.startswith(f"the {section}") == _replaces(NOUNS[section], section, before, after)


def test_the_claims_about_every_key_of_a_resource_are_held_against_its_rules() -> None:
    for section, keys in CHANGES.items():
        assert set(MODELS[section].model_fields) - LOOKED_FOR == set(keys)


def _replaces(noun: str, section: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether an edit replaces the resource, by azure-native's rules and the component's."""
    old, new = (_one(noun, {section: value}) for value in (before, after))
    kind = KINDS[old.type.removeprefix("azure-native:")]
    diffs = differences(kind, old.plain, new.plain)
    assert diffs
    ours = tuple(new.replace_on_changes)
    named = {kind.named} & diffs.keys()
    return bool(named) or any(
        diff.replaces or path.startswith(ours) for path, diff in diffs.items() if ours or diff.replaces
    )


def _one(noun: str, sections: dict[str, Any]) -> Registered:
    registered, _ = deploy(given(**sections))
    kind = {
        "Compute": "machinelearningservices",
        "Workspace": "machinelearningservices",
        "Registry": "containerregistry",
    }
    (one,) = [item for item in registered if item.type == f"azure-native:{kind[noun]}:{noun}"]
    return one
