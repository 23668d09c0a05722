"""What the deployer may do, as Azure lists it."""

from typing import Any

import pytest

from trainup.core.rights import missing_rights

OWNER = {"actions": ["*"], "notActions": []}
CONTRIBUTOR = {
    "actions": ["*"],
    "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
}
ADMINISTRATOR = {"actions": ["Microsoft.Authorization/roleAssignments/write", "*/read"], "notActions": []}
READER = {"actions": ["*/read"], "notActions": []}


@pytest.mark.parametrize(
    ("permissions", "missing"),
    [
        ([OWNER], []),
        ([CONTRIBUTOR, ADMINISTRATOR], []),
        ([CONTRIBUTOR], ["assign roles"]),
        ([ADMINISTRATOR], ["create resources"]),
        ([READER], ["create resources", "assign roles"]),
        ([], []),
    ],
)
def test_what_is_denied_by_one_role_may_be_allowed_by_another(
    permissions: list[dict[str, Any]], missing: list[str]
) -> None:
    assert missing_rights(permissions) == missing
