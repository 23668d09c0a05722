"""Resource ids of Azure Resource Manager, which are equal in any case."""

from dataclasses import dataclass

ML = "Microsoft.MachineLearningServices/workspaces"
"""Type of a workspace of Azure ML, and the beginning of the type of all that is in it."""


@dataclass(frozen=True)
class Address:
    """A resource id taken apart: `/subscriptions/s/resourceGroups/g/providers/Namespace/type/name/child/name`."""

    id: str
    """As it was written first; Azure keeps that spelling."""

    type: str
    """`Namespace/type/child`, spelled as in the id."""

    name: str
    """The last segment."""

    @property
    def key(self) -> str:
        """What equal ids have in common."""
        return self.id.lower()

    @property
    def group(self) -> str | None:
        """Id of the resource group it is in; None for a group and for what lies outside of any."""
        parts = self.id.split("/")
        inside = len(parts) > 5 and parts[3].lower() == "resourcegroups"
        return "/".join(parts[:5]) if inside else None

    @property
    def scope(self) -> str:
        """What stands before the last `/providers/`: where a role assignment applies."""
        return self.id[: self.id.lower().rfind("/providers/")]

    @property
    def parent(self) -> str | None:
        """Id of the resource it is a child of; None for a top-level one."""
        return self.id.rsplit("/", 2)[0] if self.type.count("/") > 1 else None


def parse(resource_id: str) -> Address:
    """The parts of an id; ValueError tells what is wrong with it."""
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
