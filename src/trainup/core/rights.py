"""What the deployer may do, from Azure's list of permissions for a scope."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

CREATE = "Microsoft.MachineLearningServices/workspaces/computes/write"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"
NEEDED = {CREATE: "create resources", ASSIGN: "assign roles"}
"""Action → what it allows, in words."""
WAY_OUT = (
    "ask for the role Owner on the resource group or the subscription, or for Contributor together with Role Based "
    "Access Control Administrator; `trainup roles` lists the least that it takes"
)


def missing_rights(permissions: Sequence[Mapping[str, Any]], actions: Sequence[str] = tuple(NEEDED)) -> list[str]:
    """What of these actions the deployer may not do, in words; nothing where the list of permissions is empty, since
    that proves nothing."""
    if not permissions:
        return []
    return [NEEDED[action] for action in actions if not allows(permissions, action)]


def allows(permissions: Sequence[Mapping[str, Any]], action: str) -> bool:
    """Whether one of the permissions allows an action, such as `Microsoft.Storage/storageAccounts/write`."""
    return any(_allows(one, action) for one in permissions)


def _allows(permission: Mapping[str, Any], action: str) -> bool:
    granted, denied = permission.get("actions") or (), permission.get("notActions") or ()
    return any(_matches(text, action) for text in granted) and not any(_matches(text, action) for text in denied)


def _matches(pattern: str, action: str) -> bool:
    """Whether a pattern of Azure covers an action: `*` stands for any text, `/*/` also for a single slash, as in
    `workspaces/computes/*/write`, by which a role denies `workspaces/computes/write`. Case does not matter."""
    words = ".*".join(re.escape(part) for part in pattern.split("*")).replace("/.*/", "/(.*/)?")
    return re.fullmatch(words, action, re.IGNORECASE) is not None
