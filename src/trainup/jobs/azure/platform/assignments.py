"""Roles of principals that others know as well: what somebody gave already is given no second time.

Azure refuses a second assignment of the same role to the same principal on the same resource, whatever its name.
"""

from dataclasses import dataclass

from trainup.core.roles import assignment_name, definition_id
from trainup.jobs.azure.http.client import AzureClient, AzureError

VERSION = "2022-04-01"
KIND = "Microsoft.Authorization/roleAssignments"
EXISTS = "RoleAssignmentExists"


@dataclass(frozen=True)
class Assignment:
    """One role for one principal on one resource."""

    scope: str
    """ARM id of the resource."""
    principal_id: str
    principal_type: str
    role: str
    """GUID of the built-in role."""

    def ensure(self, client: AzureClient, owner: str) -> tuple[str, bool]:
        """Its id, and whether this owner made it, now or before. AzureError tells who may give roles."""
        own = assignment_name(self.scope, self.principal_id, self.role, owner)
        # Who may give no roles may still use one that is there.
        found = self._find(client) or self._make(client, own)
        return found, found.lower().endswith(f"/{own}")

    def _find(self, client: AzureClient) -> str | None:
        wanted = _plain(self.scope, self.principal_id, self.role)
        theirs = f"principalId eq '{self.principal_id}'"
        for found in client.pages(f"{self.scope}/providers/{KIND}", version=VERSION, **{"$filter": theirs}):
            facts = found["properties"]
            role = facts["roleDefinitionId"].rpartition("/")[2]
            if _plain(facts["scope"], facts["principalId"], role) == wanted:
                return str(found["id"])
        return None

    def _make(self, client: AzureClient, name: str) -> str:
        facts = {"principalId": self.principal_id, "principalType": self.principal_type}
        facts["roleDefinitionId"] = definition_id(self.scope.split("/")[2], self.role)
        address = f"{self.scope}/providers/{KIND}/{name}"
        try:
            return str(client.put(address, {"properties": facts}, version=VERSION)["id"])
        except AzureError as error:
            if error.code == EXISTS and (found := self._find(client)):
                return found  # somebody else was quicker
            if error.status != 403:
                raise
            raise AzureError(
                f"{error}. Giving roles takes the role Owner or User Access Administrator. What is given already is "
                f"used: somebody who has it can run `az role assignment create --assignee-object-id "
                f"{self.principal_id} --assignee-principal-type {self.principal_type} --role {self.role} --scope "
                f"{self.scope}`",
                error.status,
                error.code,
            ) from error


def exists(client: AzureClient, assignment_id: str) -> bool:
    """Whether an assignment is still there."""
    return client.find(assignment_id, version=VERSION) is not None


def remove(client: AzureClient, assignment_id: str) -> None:
    """Take it back; one that is gone is no error."""
    client.delete(assignment_id, version=VERSION)


def _plain(*ids: str) -> list[str]:
    return [text.lower().rstrip("/") for text in ids]
