"""The repository's own Azure stacks, deployed by the real engine."""

import re

import pytest

from tests.support import contract
from tests.support.azure import Cloud, grant_the_least
from tests.support.project import Project
from trainup.core.roles import Role
from trainup.infra.azure import NOBODY

pytestmark = pytest.mark.engine

PROTECTED = [
    "containerregistry:Registry",
    "keyvault:Vault",
    "machinelearningservices:Workspace",
    "resources:ResourceGroup",
    "storage:StorageAccount",
]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stack_is_complete_unchanged_the_second_time_and_leaves_nothing(running: Cloud, name: str) -> None:
    project = running.stack(name, runs={})
    project.edit(costs={"max_monthly_idle_cost": 1})
    dear = project.up()
    assert dear.code != 0
    assert "trainup:costs.max_monthly_idle_cost is 1.00 USD, and a month in which nothing runs costs" in dear.text
    assert running.azure.log == []
    assert any("an idle month: " in line for line in dear.said), dear.said
    project.edit(costs={"max_monthly_idle_cost": 100})
    if name == "prod":
        running.azure.registrations.missing = {"Microsoft.Insights"}
        early = project.preview()
        assert early.code != 0
        assert "az provider register -n Microsoft.Insights" in early.text
        running.azure.registrations.missing.clear()
    if name == "dev":
        _only_with_the_listed_roles(running, project)
    up = project.up()
    assert up.code == 0, up.text
    _came_in_order(running)
    for again in (project.up("--expect-no-changes"), project.preview("--expect-no-changes")):
        assert again.code == 0, again.text
        assert [line for line in again.said if "cost" in line or "quota" in line] == []
    before_preview = len(running.azure.journal.entries)
    assert project.preview().is_empty
    assert len(running.azure.journal.entries) - before_preview <= 2
    refresh = project.refresh("--expect-no-changes")
    assert refresh.code == 0, refresh.text
    project.pulumi("config", "set", "azure-native:location", "northeurope")
    before = list(running.azure.log)
    moved = project.up("--skip-preview")
    assert moved.code != 0
    assert "list 'storage' in trainup:discard" in moved.text
    assert running.azure.log == before
    if name == "prod":
        project.edit(discard=["registry", "storage", "workspace"])
        protected = project.preview()
        assert protected.code != 0
        kept = re.findall(r'unable to replace resource "[^"]*\$azure-native:([\w:]+)::', protected.text)
        assert sorted(kept) == PROTECTED
        project.pulumi("state", "unprotect", "--all", "--yes")
    project.pulumi("config", "set", "azure-native:location", "westeurope")
    destroy = project.destroy()
    assert destroy.code == 0, destroy.text
    assert running.azure.empty, running.azure.resources()
    contract.judge(running.bodies)


def _only_with_the_listed_roles(running: Cloud, project: Project) -> None:
    """From now on, who deploys has the roles that are listed for the stack; with one fewer, Azure says which lacks."""
    running.azure.subscription = NOBODY  # which the stack file has
    subscription = running.azure.root
    roles = grant_the_least(running.azure, project)
    assert [one.scope for one in roles] == [subscription, subscription]
    create, assign = roles
    for fewer, lacks in ((assign, "create resources"), (create, "assign roles")):
        running.azure.may.granted = [fewer]
        warned = project.preview().text
        assert f"whoever is logged in may not {lacks} on {subscription}" in " ".join(warned.split())
    refused = project.up("--skip-preview")
    assert refused.code != 0
    assert (
        "does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write'" in refused.text
    )
    running.azure.may.granted = roles


def _came_in_order(running: Cloud) -> None:
    """What a cluster asks for when it is made, and never again, was there before it; so was a place for images."""
    kinds = {
        item["id"]: str(item["properties"].get("roleDefinitionId", item["type"])) for item in running.azure.resources()
    }
    made = [kinds.get(resource, "") for _, resource in running.azure.log]

    def first(text: str) -> int:
        return next(number for number, kind in enumerate(made) if text in kind)

    assert first(Role.ACR_PULL) < first("/computes")
    assert first(Role.BLOB_DATA_CONTRIBUTOR) < first("/computes")
    assert first("ContainerRegistry/registries") < first("MachineLearningServices/workspaces")
