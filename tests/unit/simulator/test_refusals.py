"""What Azure refuses of platforms, without a face in between."""

import copy
from typing import Any

import pytest

from trainup.simulator.cloud import roles, shape
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.sample import Sample, assign_role, furnish

ML = "Microsoft.MachineLearningServices/workspaces"
VERSIONS = {
    "Microsoft.Storage/storageAccounts": "2024-01-01",
    "Microsoft.KeyVault/vaults": "2024-11-01",
    "Microsoft.OperationalInsights/workspaces": "2023-09-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.ContainerRegistry/registries": "2023-01-01-preview",
    ML: "2025-12-01",
    f"{ML}/computes": "2025-12-01",
}
T4 = "standard NCASv3_T4 Family"


@pytest.fixture
def azure() -> Azure:
    return Azure()


@pytest.fixture
def sample(azure: Azure) -> Sample:
    return furnish(azure)


def body_of(azure: Azure, kind: str) -> dict[str, Any]:
    """The body that the sample's resource of a type was put with."""
    found = next(azure.each(kind))
    body: dict[str, Any] = copy.deepcopy(found["_body"])
    return body


def put(azure: Azure, sample: Sample, kind: str, name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Put another resource like the sample's, with some parts changed (None removes them)."""
    body = body_of(azure, kind)
    for path, value in changes.items():
        if value is None:
            shape.drop(body, path)
        else:
            shape.put(body, path, value)
    above = sample.workspace if kind.startswith(f"{ML}/") else f"{sample.group}/providers/{kind.rpartition('/')[0]}"
    return azure.put(f"{above}/{kind.rpartition('/')[2]}/{name}", VERSIONS[kind], body)


STORAGE, VAULT, LOGS, INSIGHTS, REGISTRY, _, COMPUTE = VERSIONS
REFUSALS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "a storage name has small letters and digits": (STORAGE, "Has-Dash", {}, "match"),
    "storage names are unique in the world": (
        STORAGE,
        "teamstorage",
        {"location": "eastus"},
        "InvalidResourceLocation",
    ),
    "a region exists": (STORAGE, "other", {"location": "atlantis"}, "LocationNotAvailableForResourceType"),
    "there are at most fifty tags": (STORAGE, "other", {"tags": {f"t{n}": "" for n in range(51)}}, "InvalidTags"),
    "a tag has no slash": (STORAGE, "other", {"tags": {"a/b": ""}}, "InvalidTagNameCharacters"),
    "a namespace is forever": (STORAGE, "teamstorage", {"properties.isHnsEnabled": True}, "cannot change"),
    "a vault name has no double dash": (VAULT, "two--dashes", {}, "match"),
    "a vault keeps for a week at least": (VAULT, "other", {"properties.softDeleteRetentionInDays": 6}, "between 7 and"),
    "purge protection cannot be declined": (
        VAULT,
        "other",
        {"properties.enablePurgeProtection": False},
        "set to false",
    ),
    "soft delete cannot be declined": (VAULT, "other", {"properties.enableSoftDelete": False}, "set to false"),
    "there is nothing to recover": (VAULT, "other", {"properties.createMode": "recover"}, "VaultNotFound"),
    "a vault is of the subscription's tenant": (
        VAULT,
        "other",
        {"properties.tenantId": "00000000-0000-0000-0000-000000000000"},
        "not the subscription's",
    ),
    "logs are kept a month at least": (LOGS, "other-logs", {"properties.retentionInDays": 7}, "InvalidParameter"),
    "insights need a workspace of logs": (INSIGHTS, "other", {"properties.WorkspaceResourceId": None}, "retired"),
    "a registry name has no dash": (REGISTRY, "with-dash", {}, "match"),
    "only premium registries are private": (
        REGISTRY,
        "otherregistry",
        {"properties.publicNetworkAccess": "Disabled"},
        "FeatureNotSupported",
    ),
    "a workspace name has two letters more": (ML, "x", {}, "match"),
    "a workspace has storage": (ML, "other", {"properties.storageAccount": None}, "Missing dependent resources"),
    "a workspace has an identity": (ML, "other", {"identity": None}, "needs an identity"),
    "a workspace is on storage that exists": (
        ML,
        "other",
        {"properties.storageAccount": f"/subscriptions/s/resourceGroups/g/providers/{STORAGE}/none"},
        "ResourceNotFound",
    ),
    "an identity by ids has ids": (ML, "other", {"identity": {"type": "UserAssigned"}}, "MissingIdentityIds"),
    "an identity exists": (
        COMPUTE,
        "other",
        {
            "identity": {
                "type": "UserAssigned",
                "userAssignedIdentities": {
                    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i": {}
                },
            }
        },
        "FailedIdentityOperation",
    ),
    "a cluster name does not end in digits after a dash": (COMPUTE, "gpu-12", {}, "match"),
    "a cluster has a size of today": (
        COMPUTE,
        "other",
        {"properties.properties.vmSize": "Standard_NC6"},
        "not a support",
    ),
    "a cluster has a size that its region sells for clusters": (
        COMPUTE,
        "other",
        {"location": "eastus", "properties.properties.vmSize": "Standard_NV36ads_A10_v5"},
        "not a support",
    ),
    "a cluster has a size that its region sells": (
        COMPUTE,
        "other",
        {"properties.properties.vmSize": "Standard_ND96isr_MI300X_v5"},
        "not a support",
    ),
    "the least is no more than the most": (
        COMPUTE,
        "other",
        {"properties.properties.scaleSettings": {"minNodeCount": 3, "maxNodeCount": 2}},
        "is above maxNodeCount",
    ),
    "a cluster has a hundred nodes at most": (
        COMPUTE,
        "other",
        {"properties.properties.scaleSettings": {"maxNodeCount": 101}},
        "ClusterMaxNodeCountExceeded",
    ),
    "idle time is a duration": (
        COMPUTE,
        "other",
        {"properties.properties.scaleSettings": {"maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "2 minutes"}},
        "ISO 8601",
    ),
}


@pytest.mark.parametrize("rule", REFUSALS)
def test_it_is_refused_that_is_against_the_rule_that(azure: Azure, sample: Sample, rule: str) -> None:
    kind, name, changes, told = REFUSALS[rule]
    with pytest.raises(Refused, match=told):
        put(azure, sample, kind, name, changes)


def test_what_keeps_the_rules_is_taken(azure: Azure, sample: Sample) -> None:
    names = {STORAGE: "otherstorage", REGISTRY: "otherregistry"}
    for kind in VERSIONS:
        put(azure, sample, kind, names.get(kind, "another"), {})


@pytest.mark.parametrize(
    ("kind", "code"),
    [(STORAGE, "StorageAccountAlreadyTaken"), (REGISTRY, "AlreadyInUse"), (VAULT, "VaultAlreadyExists")],
)
def test_some_names_are_taken_in_the_whole_world(azure: Azure, sample: Sample, kind: str, code: str) -> None:
    group = azure.put(f"{azure.root}/resourceGroups/elsewhere", "2024-03-01", {"location": "westeurope"})["id"]
    (found,) = azure.each(kind)
    with pytest.raises(Refused, match=code):
        azure.put(f"{group}/providers/{kind}/{found['name']}", VERSIONS[kind], body_of(azure, kind))


def test_a_deleted_vault_keeps_its_name_in_the_whole_world_until_it_is_purged(azure: Azure, sample: Sample) -> None:
    body, vault = body_of(azure, VAULT), f"{sample.group}/providers/{VAULT}/team-vault"
    azure.delete(vault)
    with pytest.raises(Refused, match="deleted state"):
        azure.put(vault, VERSIONS[VAULT], body)
    shape.put(body, "properties.createMode", "recover")
    azure.put(vault, VERSIONS[VAULT], body)


def test_without_quota_a_size_looks_as_if_it_did_not_exist(azure: Azure, sample: Sample) -> None:
    azure.quota[T4] = 0
    with pytest.raises(Refused, match="not a supported VM size"):
        put(azure, sample, COMPUTE, "other", {})


def test_too_little_quota_for_the_least_nodes_is_told_as_such(azure: Azure, sample: Sample) -> None:
    azure.quota["StandardNCASv3_T4Family"] = 6
    put(azure, sample, COMPUTE, "other", {})
    with pytest.raises(Refused, match="ClusterMinNodesExceedCoreQuota"):
        put(azure, sample, COMPUTE, "more", {"properties.properties.scaleSettings.minNodeCount": 2})


def test_a_user_assigned_workspace_needs_its_rights_before_it_is_made(azure: Azure, sample: Sample) -> None:
    own = {"type": "UserAssigned", "userAssignedIdentities": {sample.identity: {}}}
    changes: dict[str, Any] = {"identity": own}
    with pytest.raises(Refused, match="primaryUserAssignedIdentity has to be given"):
        put(azure, sample, ML, "other", changes)
    changes["properties.primaryUserAssignedIdentity"] = sample.identity
    with pytest.raises(Refused, match="AuthorizationFailed"):
        put(azure, sample, ML, "other", changes)
    principal = azure.get(sample.identity)["properties"]["principalId"]
    assign_role(azure, roles.VAULT_ADMINISTRATOR, f"{sample.group}/providers/{VAULT}/team-vault", principal)
    put(azure, sample, ML, "other", changes)


def test_a_workspace_takes_no_storage_with_a_hierarchical_namespace(azure: Azure, sample: Sample) -> None:
    account = put(azure, sample, STORAGE, "hierarchical", {"properties.isHnsEnabled": True})["id"]
    with pytest.raises(Refused, match="hierarchical namespace"):
        put(azure, sample, ML, "other", {"properties.storageAccount": account})


def test_an_assignment_names_a_role_a_scope_and_a_principal_that_exist(azure: Azure, sample: Sample) -> None:
    principal = azure.get(sample.identity)["properties"]["principalId"]
    with pytest.raises(Refused, match="RoleDefinitionDoesNotExist"):
        assign_role(azure, "00000000-0000-0000-0000-000000000000", sample.registry, principal)
    with pytest.raises(Refused, match="ResourceNotFound"):
        assign_role(azure, roles.ACR_PULL, f"{sample.registry}2", principal)
    with pytest.raises(Refused, match="PrincipalNotFound"):
        assign_role(azure, roles.ACR_PULL, sample.registry, "00000000-0000-0000-0000-000000000000")
    with pytest.raises(Refused, match="UnmatchedPrincipalType"):
        assign_role(azure, roles.ACR_PULL, sample.group, principal, kind="User")


def test_the_same_assignment_is_there_only_once(azure: Azure, sample: Sample) -> None:
    principal = azure.get(sample.identity)["properties"]["principalId"]
    definition = f"{azure.root}/providers/Microsoft.Authorization/roleDefinitions/{roles.ACR_PULL}"
    other = f"{sample.registry}/providers/Microsoft.Authorization/roleAssignments/{azure.new_guid('other')}"
    properties = {"principalId": principal, "roleDefinitionId": definition, "principalType": "ServicePrincipal"}
    with pytest.raises(Refused, match="RoleAssignmentExists"):
        azure.put(other, "2022-04-01", {"properties": properties})


def test_a_fresh_identity_is_not_found_unless_its_type_is_told(azure: Azure, sample: Sample) -> None:
    principal = azure.get(sample.identity)["properties"]["principalId"]
    definition = f"{azure.root}/providers/Microsoft.Authorization/roleDefinitions/{roles.ACR_PULL}"
    name = f"{sample.group}/providers/Microsoft.Authorization/roleAssignments/{azure.new_guid('other')}"
    with pytest.raises(Refused, match="set the role assignment principalType"):
        azure.put(name, "2022-04-01", {"properties": {"principalId": principal, "roleDefinitionId": definition}})
