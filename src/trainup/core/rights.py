"""What the deployer may do, from Azure's list of permissions for a scope."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

NEEDED = {
    "Microsoft.MachineLearningServices/workspaces/computes/write": "create resources",
    "Microsoft.Authorization/roleAssignments/write": "assign roles",
}
"""Action → what it allows, in words."""
WAY_OUT = (
    "ask for the role Owner on the resource group or the subscription, or for Contributor together with Role Based "
    "Access Control Administrator"
)


def missing_rights(permissions: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the deployer may not do, in words; nothing where the list is empty, since that proves nothing."""
    if not permissions:
        return []
    return [words for action, words in NEEDED.items() if not allows(permissions, action)]


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
