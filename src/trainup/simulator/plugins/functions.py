"""The functions of azure-native: look-ups, and those that return keys."""

from collections.abc import Callable, Mapping
from typing import Any

from trainup.simulator.cloud.address import parse
from trainup.simulator.cloud.azure import CLIENT, Azure
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.plugins import bodies
from trainup.simulator.plugins.catalog import KINDS

Answer = dict[str, Any]
Function = Callable[[Azure, Mapping[str, Any]], Answer]


def invoke(azure: Azure, name: str, args: Mapping[str, Any]) -> Answer:
    """The result of a function such as `azure-native:authorization:getClientConfig`. Raises ValueError, Refused."""
    module, function = name.split(":")[1].split("/")[0], name.split(":")[-1]
    if handler := FUNCTIONS.get(f"{module}:{function}"):
        return handler(azure, args)
    if function.startswith("get") and f"{module}:{function[3:]}" in KINDS:
        return _get(azure, f"{module}:{function[3:]}", args)
    raise ValueError(f"the simulated azure-native has no function {name!r}: it has {', '.join(FUNCTIONS)}, and get…")


def _get(azure: Azure, name: str, args: Mapping[str, Any]) -> Answer:
    kind = KINDS[name]
    path = kind.path.format(**{part: str(args[part]).strip("/") for part in kind.placed})
    resource = azure.get(f"/{path}" if "{scope}" in kind.path else f"{azure.root}/{path}")
    azure.may.check("GET", parse(resource["id"]), azure.deployer)
    return {**bodies.outputs(kind, resource, kind.version), "id": resource["id"]}


def _client(azure: Azure, args: Mapping[str, Any]) -> Answer:
    return {
        "clientId": CLIENT,
        "objectId": azure.deployer,
        "subscriptionId": azure.subscription,
        "tenantId": azure.tenant,
    }


def _token(azure: Azure, args: Mapping[str, Any]) -> Answer:
    return {"token": azure.key("token", str(args.get("endpoint")))}


def _of(azure: Azure, args: Mapping[str, Any], kind: str, name: str) -> Answer:
    return azure.get(f"{azure.root}/resourceGroups/{args['resourceGroupName']}/providers/{kind}/{args[name]}")


def _registry_credentials(azure: Azure, args: Mapping[str, Any]) -> Answer:
    registry = _of(azure, args, "Microsoft.ContainerRegistry/registries", "registryName")
    if not registry["properties"]["adminUserEnabled"]:
        raise Refused(
            400,
            "UnAuthorizedForCredentialOperations",
            f"Cannot perform credential operations: the admin user of the registry {registry['name']!r} is disabled.",
        )
    passwords = [{"name": name, "value": azure.key(registry["id"], name)} for name in ("password", "password2")]
    return {"username": registry["name"], "passwords": passwords}


def _storage_keys(azure: Azure, args: Mapping[str, Any]) -> Answer:
    account = _of(azure, args, "Microsoft.Storage/storageAccounts", "accountName")
    if account["properties"].get("allowSharedKeyAccess") is False:
        raise Refused(
            403,
            "KeyBasedAuthenticationNotPermitted",
            f"Key based authentication is not permitted on the storage account {account['name']!r}.",
        )
    keys = [{"keyName": n, "permissions": "FULL", "value": azure.key(account["name"], n)} for n in ("key1", "key2")]
    return {"keys": keys}


def _workspace_keys(azure: Azure, args: Mapping[str, Any]) -> Answer:
    workspace = _of(azure, args, "Microsoft.MachineLearningServices/workspaces", "workspaceName")
    return {"userStorageResourceId": workspace["properties"]["storageAccount"], "userStorageKey": None}


FUNCTIONS: Mapping[str, Function] = {
    "authorization:getClientConfig": _client,
    "authorization:getClientToken": _token,
    "containerregistry:listRegistryCredentials": _registry_credentials,
    "storage:listStorageAccountKeys": _storage_keys,
    "machinelearningservices:listWorkspaceKeys": _workspace_keys,
}
"""`<module>:<function>` → its implementation; every kind has a `get` function in addition."""
