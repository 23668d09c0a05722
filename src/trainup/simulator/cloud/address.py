"""Resource ids of Azure Resource Manager. Upper and lower case are equal in them."""

from dataclasses import dataclass

ML = "Microsoft.MachineLearningServices/workspaces"
"""Resource type of an Azure ML workspace, and the prefix of the types of its children."""


@dataclass(frozen=True)
class Address:
    """The parts of a resource id, `/subscriptions/s/resourceGroups/g/providers/Namespace/type/name/child/name`."""

    id: str
    """The id in the spelling in which it was first written, which Azure preserves."""

    type: str
    """`Namespace/type/child`, spelled as in the id."""

    name: str
    """The last segment."""

    @property
    def key(self) -> str:
        """The id in lower case: equal for equal ids."""
        return self.id.lower()

    @property
    def group(self) -> str | None:
        """Id of the resource group that contains it; None for a group itself and outside of groups."""
        parts = self.id.split("/")
        inside = len(parts) > 5 and parts[3].lower() == "resourcegroups"
        return "/".join(parts[:5]) if inside else None

    @property
    def scope(self) -> str:
        """The part before the last `/providers/`: the scope of a role assignment."""
        return self.id[: self.id.lower().rfind("/providers/")]

    @property
    def parent(self) -> str | None:
        """Id of the parent resource; None for a top-level resource."""
        return self.id.rsplit("/", 2)[0] if self.type.count("/") > 1 else None


def parse(resource_id: str) -> Address:
    """The parts of a resource id. Raises ValueError, which says what is wrong with the id."""
    parts = resource_id.rstrip("/").split("/")
    lower = [part.lower() for part in parts]
    if parts[0] or len(parts) < 5 or lower[1] != "subscriptions" or not all(parts[1:]):
        raise ValueError(
            f"{resource_id!r} is no resource id: it begins with /subscriptions/<id>/ and has no empty part"
        )
    if "providers" not in lower:
        if lower[3] != "resourcegroups" or len(parts) != 5:
            raise ValueError(f"{resource_id!r} is no resource id: only a resource group has no provider")
        return Address(resource_id, "Microsoft.Resources/resourceGroups", parts[4])
    start = len(lower) - 1 - lower[::-1].index("providers")
    namespace, rest = parts[start + 1], parts[start + 2 :]
    if not rest or len(rest) % 2:
        raise ValueError(f"{resource_id!r} is no resource id: types and names take turns after the provider")
    return Address(resource_id, "/".join([namespace, *rest[::2]]), rest[-1])
