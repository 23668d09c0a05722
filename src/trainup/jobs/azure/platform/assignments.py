"""Role assignments that may exist already, because another stack or a person created them.

Azure refuses a second assignment of the same role to the same principal on the same resource, even under another name.
"""

from dataclasses import dataclass

from trainup.core.roles import assignment_name, definition_id
from trainup.jobs.azure.http.client import AzureClient, AzureError

VERSION = "2022-04-01"
KIND = "Microsoft.Authorization/roleAssignments"
EXISTS = "RoleAssignmentExists"


@dataclass(frozen=True)
class RoleAssignment:
    """One role for one principal on one resource."""

    scope: str
    """Resource id."""
    principal_id: str
    principal_type: str
    role: str
    """GUID of the built-in role."""

    def ensure(self, client: AzureClient, owner: str) -> tuple[str, bool]:
        """Create the assignment unless it exists; returns its id, and whether this owner created it.

        Raises AzureError, which says who may assign roles if the caller may not.
        """
        own = assignment_name(self.scope, self.principal_id, self.role, owner)
        # Look first: without permission to assign roles, an existing assignment is enough.
        assignment_id = self._find(client) or self._make(client, own)
        return assignment_id, assignment_id.lower().endswith(f"/{own}")

    def _find(self, client: AzureClient) -> str | None:
        key = _plain(self.scope, self.principal_id, self.role)
        theirs = f"principalId eq '{self.principal_id}'"
        for assignment in client.pages(f"{self.scope}/providers/{KIND}", version=VERSION, **{"$filter": theirs}):
            facts = assignment["properties"]
            role = facts["roleDefinitionId"].rpartition("/")[2]
            if _plain(facts["scope"], facts["principalId"], role) == key:
                return str(assignment["id"])
        return None

    def _make(self, client: AzureClient, name: str) -> str:
        facts = {"principalId": self.principal_id, "principalType": self.principal_type}
        facts["roleDefinitionId"] = definition_id(self.scope.split("/")[2], self.role)
        address = f"{self.scope}/providers/{KIND}/{name}"
        try:
            return str(client.put(address, {"properties": facts}, version=VERSION)["id"])
        except AzureError as error:
            if error.code == EXISTS and (existing_id := self._find(client)):
                return existing_id  # it was created by somebody else in the meantime
            if error.status != 403:
                raise
            raise AzureError(
                f"{error}. Assigning roles requires the role Owner, Role Based Access Control Administrator "
                "or User Access Administrator. Ask somebody with it to run `az role assignment create "
                f"--assignee-object-id {self.principal_id} --assignee-principal-type {self.principal_type} "
                f"--role {self.role} --scope {self.scope}`: an existing assignment is used",
                error.status,
                error.code,
            ) from error


def created(client: AzureClient, scope: str, principal_id: str) -> list[str]:
    """When each role assignment of a principal at or below a scope was created, ISO 8601. Raises AzureError."""
    theirs = f"principalId eq '{principal_id}'"
    pages = client.pages(f"{scope}/providers/{KIND}", version=VERSION, **{"$filter": theirs})
    facts = [assignment["properties"] for assignment in pages]
    return [str(fact.get("createdOn", "")) for fact in facts if fact["principalId"] == principal_id]


def exists(client: AzureClient, assignment_id: str) -> bool:
    """Whether an assignment exists. Raises AzureError."""
    return client.find(assignment_id, version=VERSION) is not None


def remove(client: AzureClient, assignment_id: str) -> None:
    """Delete an assignment; a missing one is no error. Raises AzureError."""
    client.delete(assignment_id, version=VERSION)


def _plain(*ids: str) -> list[str]:
    return [text.lower().rstrip("/") for text in ids]
