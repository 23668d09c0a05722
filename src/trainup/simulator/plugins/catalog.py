"""The table of resource types: how azure-native names them, and how it builds their ids and bodies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trainup.simulator.cloud.address import ML

COMMON = frozenset({"location", "tags", "identity", "sku", "kind", "extendedLocation", "managedBy"})
"""Inputs of a flattened type that are outside of `properties` in the body."""


class Naming(StrEnum):
    """How azure-native names a resource without an explicit name."""

    RANDOM = "random"
    """Logical name and eight hexadecimal digits."""
    COPY = "copy"
    """The logical name."""
    UUID = "uuid"


@dataclass(frozen=True)
class Kind:
    """One resource type of azure-native."""

    type: str
    """Type in Azure Resource Manager."""

    version: str
    """Default API version."""

    path: str
    """Id below the subscription, with the SDK's input names in braces; `{scope}` stands for a whole resource id."""

    naming: Naming = Naming.COPY

    flat: bool = False
    """Whether the SDK has the keys of the body's `properties` at the top level."""

    envelope: frozenset[str] = COMMON
    """Inputs that a flattened type keeps outside of `properties`."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """SDK property → property in the body, where they differ."""

    fixed: frozenset[str] = frozenset()
    """Inputs, besides those in the id, whose change replaces the resource."""

    defaults: Mapping[str, object] = field(default_factory=dict)
    """Path in the body → default that azure-native sends on creation."""

    computed: tuple[str, ...] = ()
    """Outputs, besides `name` and `type`, that are unknown in a preview; nested ones have a dotted path."""

    query: frozenset[str] = frozenset()
    """Inputs that are sent as query parameters."""

    @property
    def placed(self) -> tuple[str, ...]:
        """Inputs that are part of the id, the name last."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def named(self) -> str:
        """The input that names the resource."""
        return self.placed[-1]

    @property
    def located(self) -> bool:
        """Whether it gets a default location."""
        return self.type.split("/")[0] != "Microsoft.Authorization" and self.type not in _WITHOUT_LOCATION


WORKSPACE = "resourceGroups/{resourceGroupName}/providers/" + ML + "/{workspaceName}"
ML_VERSION = "2025-12-01"

_WITHOUT_LOCATION = frozenset(
    {f"{ML}/{kind}" for kind in ("environments", "environments/versions", "data", "data/versions", "datastores")}
    | {f"{ML}/connections", "Microsoft.Storage/storageAccounts/blobServices/containers"}
)


def _group(rest: str) -> str:
    return "resourceGroups/{resourceGroupName}/providers/" + rest


def _asset(kind: str, *fixed: str) -> Kind:
    return Kind(
        f"{ML}/{kind}/versions",
        ML_VERSION,
        f"{WORKSPACE}/{kind}/{{name}}/versions/{{version}}",
        fixed=frozenset(f"properties.{name}" for name in fixed),
        computed=("properties.provisioningState", "systemData"),
    )


def _container(kind: str) -> Kind:
    return Kind(
        f"{ML}/{kind}",
        ML_VERSION,
        f"{WORKSPACE}/{kind}/{{name}}",
        computed=("properties.latestVersion", "properties.nextVersion", "systemData"),
    )


KINDS: Mapping[str, Kind] = {
    "resources:ResourceGroup": Kind(
        "Microsoft.Resources/resourceGroups",
        "2024-03-01",
        "resourceGroups/{resourceGroupName}",
        naming=Naming.RANDOM,
        flat=True,
        fixed=frozenset({"location"}),
        computed=("properties",),
    ),
    "storage:StorageAccount": Kind(
        "Microsoft.Storage/storageAccounts",
        "2024-01-01",
        _group("Microsoft.Storage/storageAccounts/{accountName}"),
        naming=Naming.RANDOM,
        flat=True,
        renamed={
            "enableHttpsTrafficOnly": "supportsHttpsTrafficOnly",
            "networkRuleSet": "networkAcls",
            "enableNfsV3": "isNfsV3Enabled",
        },
        fixed=frozenset({"location", "isHnsEnabled"}),
        computed=("primaryEndpoints", "provisioningState", "creationTime", "primaryLocation"),
    ),
    "storage:BlobContainer": Kind(
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        "2024-01-01",
        _group("Microsoft.Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}"),
        flat=True,
        envelope=frozenset(),
        computed=("etag", "lastModifiedTime"),
    ),
    "keyvault:Vault": Kind(
        "Microsoft.KeyVault/vaults",
        "2024-11-01",
        _group("Microsoft.KeyVault/vaults/{vaultName}"),
        naming=Naming.RANDOM,
        defaults={"properties.accessPolicies": []},
        computed=("properties.vaultUri", "properties.provisioningState", "systemData"),
    ),
    "operationalinsights:Workspace": Kind(
        "Microsoft.OperationalInsights/workspaces",
        "2023-09-01",
        _group("Microsoft.OperationalInsights/workspaces/{workspaceName}"),
        naming=Naming.RANDOM,
        flat=True,
        envelope=COMMON - {"sku"},
        fixed=frozenset({"location"}),
        computed=("customerId", "provisioningState", "createdDate", "modifiedDate", "systemData"),
    ),
    "applicationinsights:Component": Kind(
        "Microsoft.Insights/components",
        "2020-02-02",
        _group("Microsoft.Insights/components/{resourceName}"),
        naming=Naming.RANDOM,
        flat=True,
        renamed={
            "appId": "AppId",
            "applicationId": "ApplicationId",
            "applicationType": "Application_Type",
            "connectionString": "ConnectionString",
            "creationDate": "CreationDate",
            "disableIpMasking": "DisableIpMasking",
            "disableLocalAuth": "DisableLocalAuth",
            "flowType": "Flow_Type",
            "forceCustomerStorageForProfiler": "ForceCustomerStorageForProfiler",
            "hockeyAppId": "HockeyAppId",
            "immediatePurgeDataOn30Days": "ImmediatePurgeDataOn30Days",
            "ingestionMode": "IngestionMode",
            "instrumentationKey": "InstrumentationKey",
            "requestSource": "Request_Source",
            "retentionInDays": "RetentionInDays",
            "samplingPercentage": "SamplingPercentage",
            "tenantId": "TenantId",
            "workspaceResourceId": "WorkspaceResourceId",
        },
        fixed=frozenset({"location"}),
        computed=("appId", "applicationId", "connectionString", "instrumentationKey", "provisioningState", "tenantId"),
    ),
    "managedidentity:UserAssignedIdentity": Kind(
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "2023-01-31",
        _group("Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"),
        naming=Naming.RANDOM,
        flat=True,
        fixed=frozenset({"location"}),
        computed=("clientId", "principalId", "tenantId", "systemData"),
    ),
    "containerregistry:Registry": Kind(
        "Microsoft.ContainerRegistry/registries",
        "2023-01-01-preview",
        _group("Microsoft.ContainerRegistry/registries/{registryName}"),
        naming=Naming.RANDOM,
        flat=True,
        fixed=frozenset({"location"}),
        computed=("loginServer", "creationDate", "provisioningState", "systemData"),
    ),
    "machinelearningservices:Workspace": Kind(
        ML,
        ML_VERSION,
        WORKSPACE,
        naming=Naming.RANDOM,
        flat=True,
        fixed=frozenset({"location", "enableDataIsolation"}),
        computed=(
            "discoveryUrl",
            "mlFlowTrackingUri",
            "workspaceId",
            "provisioningState",
            "tenantId",
            "notebookInfo",
            "storageHnsEnabled",
            "systemData",
        ),
    ),
    "machinelearningservices:Compute": Kind(
        f"{ML}/computes",
        ML_VERSION,
        f"{WORKSPACE}/computes/{{computeName}}",
        fixed=frozenset({"properties.computeType", "properties.computeLocation", "properties.disableLocalAuth"}),
        computed=("properties.provisioningState", "properties.createdOn", "properties.properties.allocationState"),
    ),
    "machinelearningservices:EnvironmentContainer": _container("environments"),
    "machinelearningservices:EnvironmentVersion": _asset(
        "environments", "image", "build", "condaFile", "osType", "inferenceConfig"
    ),
    "machinelearningservices:DataContainer": _container("data"),
    "machinelearningservices:DataVersion": _asset("data", "dataType", "dataUri"),
    "machinelearningservices:Datastore": Kind(
        f"{ML}/datastores",
        ML_VERSION,
        f"{WORKSPACE}/datastores/{{name}}",
        fixed=frozenset({"properties.datastoreType"}),
        computed=("properties.isDefault", "systemData"),
        query=frozenset({"skipValidation"}),
    ),
    "machinelearningservices:WorkspaceConnection": Kind(
        f"{ML}/connections",
        ML_VERSION,
        f"{WORKSPACE}/connections/{{connectionName}}",
        computed=("properties.createdByWorkspaceArmId", "properties.group", "systemData"),
    ),
    "authorization:RoleAssignment": Kind(
        "Microsoft.Authorization/roleAssignments",
        "2022-04-01",
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        naming=Naming.UUID,
        flat=True,
        envelope=frozenset(),
        fixed=frozenset({"principalId"}),
        computed=("createdBy", "createdOn", "updatedBy", "updatedOn"),
    ),
    "authorization:RoleDefinition": Kind(
        "Microsoft.Authorization/roleDefinitions",
        "2022-05-01-preview",
        "{scope}/providers/Microsoft.Authorization/roleDefinitions/{roleDefinitionId}",
        naming=Naming.UUID,
        flat=True,
        envelope=frozenset(),
        renamed={"roleType": "type"},
        computed=("createdBy", "createdOn", "updatedBy", "updatedOn"),
    ),
}
"""`<module>:<Resource>` of azure-native → its kind."""

_TOKEN = re.compile(r"azure-native:(?P<module>\w+)(?:/v(?P<version>\d{8})(?P<preview>\w*))?:(?P<name>\w+)")


def find(token: str) -> tuple[Kind, str] | None:
    """The kind and API version of a type token; None for a type that the simulator does not support."""
    match = _TOKEN.fullmatch(token)
    kind = KINDS.get(f"{match['module']}:{match['name']}") if match else None
    if match is None or kind is None:
        return None
    if not (day := match["version"]):
        return kind, kind.version
    preview = f"-{match['preview']}" if match["preview"] else ""
    return kind, f"{day[:4]}-{day[4:6]}-{day[6:]}{preview}"
