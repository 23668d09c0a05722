"""Sample resources of a small team: a workspace with a cluster and an environment."""

from dataclasses import dataclass

from trainup.simulator.cloud import roles
from trainup.simulator.cloud.address import ML
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.regions import MACHINES, plain_family

REGION = "westeurope"
IMAGE = "mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:20260715.v1"


TEAM_CORES = 100
"""Quota that the team asked for, in cores."""


@dataclass(frozen=True)
class Sample:
    """Ids of the sample resources."""

    group: str
    account: str
    workspace: str
    cluster: str
    environment: str
    registry: str
    identity: str


def furnish(azure: Azure, *, size: str = "Standard_NC4as_T4_v3", nodes: int = 2, image: str = IMAGE) -> Sample:
    """Create the sample resources, with the roles to use blobs (the deployer) and to pull images (the cluster).

    The team has got quota for the nodes of its cluster; the limit of an existing entry is kept.
    """
    azure.quota.setdefault(plain_family(MACHINES[size.lower()].family), TEAM_CORES)
    group = azure.put(f"{azure.root}/resourceGroups/team", "2024-03-01", {"location": REGION})["id"]

    def make(type: str, name: str, version: str, **body: object) -> str:
        resource = azure.put(f"{group}/providers/{type}/{name}", version, {"location": REGION, **body})
        return str(resource["id"])

    account = make(
        "Microsoft.Storage/storageAccounts",
        "teamstorage",
        "2024-01-01",
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
    )
    vault = make(
        "Microsoft.KeyVault/vaults",
        "team-vault",
        "2024-11-01",
        properties={"tenantId": azure.tenant, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []},
    )
    logs = make("Microsoft.OperationalInsights/workspaces", "team-logs", "2023-09-01", properties={})
    insights = make(
        "Microsoft.Insights/components",
        "team-insights",
        "2020-02-02",
        kind="web",
        properties={"Application_Type": "web", "WorkspaceResourceId": logs},
    )
    registry = make(
        "Microsoft.ContainerRegistry/registries", "teamregistry", "2023-01-01-preview", sku={"name": "Standard"}
    )
    identity = make("Microsoft.ManagedIdentity/userAssignedIdentities", "team-nodes", "2023-01-31")
    workspace = make(
        ML,
        "team",
        "2025-12-01",
        identity={"type": "SystemAssigned"},
        properties={
            "storageAccount": account,
            "keyVault": vault,
            "applicationInsights": insights,
            "containerRegistry": registry,
        },
    )
    principal = azure.get(identity)["properties"]["principalId"]
    assign_role(azure, roles.ACR_PULL, registry, principal)
    assign_role(azure, roles.BLOB_CONTRIBUTOR, account, principal)
    assign_role(azure, roles.BLOB_CONTRIBUTOR, account, azure.deployer, kind="User")
    cluster = azure.put(
        f"{workspace}/computes/gpu-cluster",
        "2025-12-01",
        {
            "location": REGION,
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
            "properties": {
                "computeType": "AmlCompute",
                "properties": {
                    "vmSize": size,
                    "vmPriority": "Dedicated",
                    "scaleSettings": {
                        "minNodeCount": 0,
                        "maxNodeCount": nodes,
                        "nodeIdleTimeBeforeScaleDown": "PT2M",
                    },
                },
            },
        },
    )["id"]
    environment = azure.put(
        f"{workspace}/environments/fastai2/versions/1", "2025-12-01", {"properties": {"image": image}}
    )["id"]
    return Sample(group, account, workspace, cluster, environment, registry, identity)


def assign_role(azure: Azure, role: str, scope: str, principal: str, *, kind: str = "ServicePrincipal") -> str:
    """Assign a role; returns the assignment's id."""
    name = azure.new_guid(scope, principal, role)
    definition = f"{azure.root}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    properties = {"principalId": principal, "roleDefinitionId": definition, "principalType": kind}
    assignment = azure.put(
        f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", "2022-04-01", {"properties": properties}
    )
    return str(assignment["id"])
