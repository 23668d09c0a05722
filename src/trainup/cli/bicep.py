"""The roles of a stack as a Bicep file that an administrator deploys to the subscription.

One file reaches several scopes by nested deployments, since Bicep takes modules only from files of their own.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from trainup.cli.grants import condition_of, to_grant
from trainup.core.azure_ids import WORKSPACE, parse_id
from trainup.core.canonical import sha256
from trainup.core.role_needs import Need, Place
from trainup.core.roles import assignment_name

VERSION = "2022-04-01"
KIND = "Microsoft.Authorization/roleAssignments"
IN_GROUP = re.compile(r"/subscriptions/([^/]+)/resourceGroups/([^/]+)(?:/providers/(.+))?", re.IGNORECASE)


def as_file(needs: Sequence[Need], stack: str, deployer: str) -> str:
    """The text of the file. Its parameters are who deploys, and what only the workspace knows."""
    granted = to_grant(needs)
    lines = [
        f"// The roles that stack {stack} needs before its first `up`; `trainup roles` says why.",
        "// az deployment sub create --location <region> --template-file <this file> --parameters deployer=<object id>",
        "targetScope = 'subscription'",
        "",
        "@description('Object id of who deploys: az ad signed-in-user show --query id --output tsv')",
        f"param deployer string{f' = {_text(deployer)}' if deployer else ''}",
        "",
        "@allowed(['User', 'Group', 'ServicePrincipal'])",
        "param kind string = 'User'",
    ]
    places = {_parameter(need.place): need.place for need in granted if need.place.named_by}
    for name, place in sorted(places.items()):
        whose = place.workspace or "the workspace"
        lines += ["", f"@description({_text(f'ARM id of the {place.named_by} of {whose}')})", f"param {name} string"]
    for number, need in enumerate(granted, 1):
        lines += ["", f"// {need.role.shown} on {need.place.noun}: {need.why}", *_resource(number, need)]
    return "\n".join(lines)


def _parameter(place: Place) -> str:
    """The parameter with the id of what a workspace names. Those of other workspaces than the stack's are told apart by
    name, and by id where names are equal.
    """
    if not place.workspace:
        return place.named_by
    name = re.sub(r"[^A-Za-z0-9]", "_", parse_id(place.workspace, WORKSPACE).name)
    return f"{place.named_by}_of_{name}_{sha256(place.workspace.lower())[:6]}"


def _resource(number: int, need: Need) -> list[str]:
    place, name = need.place, f"role{number}"
    identity = f"'{assignment_name(place.id or place.workspace + place.named_by, 'deployer', need.role)}', deployer"
    properties = {
        "principalId": "deployer",
        "principalType": "kind",
        "roleDefinitionId": f"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{need.role}')",
        "description": _text(f"trainup: {need.why}"),
    }
    if need.assigns:
        properties |= {"condition": _text(condition_of(need.assigns)), "conditionVersion": "'2.0'"}
    if match := IN_GROUP.fullmatch(place.id):
        subscription, group, inside = f"'{match[1]}'", _text(match[2]), match[3] or ""
        scope = _text(inside) if inside else ""
    elif place.named_by:
        parts = f"split({_parameter(place)}, '/')"
        subscription, group = f"{parts}[2]", f"{parts}[4]"
        scope = f"'${{{parts}[6]}}/${{{parts}[7]}}/${{{parts}[8]}}'"
    else:
        body = {"name": f"guid({identity})", "properties": properties}
        return [f"resource {name} '{KIND}@{VERSION}' = {{", *_entries(body, "  "), "}"]
    inner: dict[str, Any] = {
        "type": f"'{KIND}'",
        "apiVersion": f"'{VERSION}'",
        "name": f"guid({identity})",
        **({"scope": scope} if scope else {}),
        "properties": properties,
    }
    template = {
        "'$schema'": "'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'",
        "contentVersion": "'1.0.0.0'",
        "resources": [inner],
    }
    deployment = {
        "name": _text(f"trainup-{name}"),
        "subscriptionId": subscription,
        "resourceGroup": group,
        "properties": {"mode": "'Incremental'", "template": template},
    }
    return [
        "#disable-next-line no-deployments-resources",
        f"resource {name} 'Microsoft.Resources/deployments@2022-09-01' = {{",
        *_entries(deployment, "  "),
        "}",
    ]


def _entries(values: dict[str, Any], indent: str) -> list[str]:
    """The properties of an object; texts among the values are expressions already."""
    lines: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}: {{", *_entries(value, indent + "  "), f"{indent}}}"]
        elif isinstance(value, list):
            lines.append(f"{indent}{key}: [")
            for item in value:
                lines += [f"{indent}  {{", *_entries(item, indent + "    "), f"{indent}  }}"]
            lines.append(f"{indent}]")
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines


def _text(value: str) -> str:
    """A text as Bicep writes it."""
    quoted = json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"')
    return "'" + quoted.replace("'", "\\'").replace("${", "\\${") + "'"
