"""The least roles with which the graph of a stack on Azure can be built and used: who, which, where, for what.

The roles that the graph assigns itself are declared in `core/roles.py`, and `components/azure/access.py` assigns them;
those of the deployer follow from what each resource needs to be created. Which actions a role allows:
https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
"""

from collections.abc import Iterable, Iterator

from trainup.core.azure_ids import STORAGE, SUBNET, WORKSPACE, parse_id
from trainup.core.images import ImageBuilder
from trainup.core.rights import ASSIGN
from trainup.core.role_needs import NEW, Facts, Need, Place, Places, Who
from trainup.core.roles import NODE_ROLES, PrincipalType, Role, Scope, submitter_roles

ML = "Microsoft.MachineLearningServices/workspaces"


def needed(facts: Facts) -> list[Need]:
    """The least roles for a graph, those of the deployer first."""
    places = Places(facts)
    of_nodes, of_submitters = list(_of_nodes(facts, places)), list(_of_submitters(facts, places))
    of_endpoints = list(_of_endpoints(facts, places))
    assigned = [need for need in (*of_nodes, *of_submitters, *of_endpoints) if need.by_up]
    of_deployer = _distinct(_of_deployer(facts, places, assigned))
    least = [need for need in of_deployer if not _is_covered(need, of_deployer)]
    return [*least, *of_submitters, *of_nodes, *of_endpoints]


def _distinct(needs: Iterable[Need]) -> list[Need]:
    """The first need of each role on a place."""
    first: dict[tuple[Role, Place], Need] = {}
    for need in needs:
        first.setdefault((need.role, need.place), need)
    return [*first.values()]


def _is_covered(need: Need, others: list[Need]) -> bool:
    """Whether another role on the same scope, or one above it, allows all that this one is for."""
    above = [other.role for other in others if other is not need and need.place.lies_in(other.place)]
    if need.role is Role.READER:
        return Role.CONTRIBUTOR in above or Role.RBAC_ADMINISTRATOR in above  # which may read everything
    return need.role is not Role.RBAC_ADMINISTRATOR and Role.CONTRIBUTOR in above


def _of_nodes(facts: Facts, places: Places) -> Iterator[Need]:
    """As `infra/azure_access.py` assigns them: an existing cluster has the workspace's roles already."""
    is_existing = facts.cluster not in ("", NEW)
    needs: list[tuple[Scope, Place, str, str]] = []
    if not is_existing:
        needs.append((Scope.STORAGE, places.storage, "nodes-storage", "runs write outputs and checkpoints there"))
    if facts.registry and not (is_existing and facts.registry == Facts.OF_WORKSPACE):
        needs.append((Scope.REGISTRY, places.registry, "nodes-registry", "nodes pull the image of the runs"))
    if facts.secrets:
        needs.append((Scope.VAULT, places.vault, "nodes-vault", "nodes fetch the secrets of runs"))
    for account in dict.fromkeys(account.lower() for account in facts.data):
        name = parse_id(account, STORAGE).name
        place = Place(f"the storage account {name}", account)
        needs.append((Scope.DATA, place, f"nodes-{name}-data", "runs read data there"))
    for scope, place, resource, why in needs:
        yield Need(
            Who.NODES,
            NODE_ROLES[scope],
            place,
            (resource,),
            why,
            by_up=True,
            kind=PrincipalType.SERVICE_PRINCIPAL,
            principal_of=facts.cluster if is_existing else "",
        )


def _of_endpoints(facts: Facts, places: Places) -> Iterator[Need]:
    """What Azure ML assigns to the identity of an endpoint, in the name of who creates it.

    https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online-auth, "Automatic role assignment".
    """
    if not facts.endpoints:
        return
    resources = tuple(f"{name}-endpoint" for name in facts.endpoints)
    needs = [(Role.BLOB_DATA_READER, places.storage, "instances read the model and the code there")]
    if facts.registry:
        needs.append((Role.ACR_PULL, places.registry, "instances pull the image"))
    for role, place, why in needs:
        yield Need(Who.ENDPOINTS, role, place, resources, why, by_up=True, kind=PrincipalType.SERVICE_PRINCIPAL)


WHY_SUBMITTER = {
    Role.ML_DATA_SCIENTIST: "submits, watches and cancels runs",
    Role.BLOB_DATA_CONTRIBUTOR: "uploads code, and reads logs and outputs",
    Role.FILE_DATA_PRIVILEGED_CONTRIBUTOR: "uses notebooks and shares of a workspace without keys",
    Role.CONTRIBUTOR: "uploads what an image is built from, and starts the build",
    Role.ACR_PUSH: "pushes the image",
    Role.SECRETS_OFFICER: "puts the secrets of runs into the vault",
}


def _of_submitters(facts: Facts, places: Places) -> Iterator[Need]:
    is_built = facts.builder is not ImageBuilder.PREBUILT
    roles = submitter_roles(
        registry=bool(facts.registry) and is_built,
        cloud_build=facts.builder is ImageBuilder.ACR,
        secrets=facts.secrets,
    )
    for principal, kind in facts.principals.items() or (("", PrincipalType.USER),):
        for role, scope in roles:
            name = f"access-{principal}-{scope}-{role.name.lower().replace('_', '-')}" if principal else "runs"
            yield Need(
                Who.SUBMITTER,
                role,
                places.of(scope),
                (name,),
                WHY_SUBMITTER[role],
                by_up=bool(principal),
                principal=principal,
                kind=kind,
            )
    for place, type_name in _looked_up(facts, places):
        why = "who does not deploy looks up its address"
        yield Need(Who.SUBMITTER, Role.READER, place, ("runs",), why, actions=(f"{type_name}/read",))


def _looked_up(facts: Facts, places: Places) -> Iterator[tuple[Place, str]]:
    """What a run looks up when it starts, with its type."""
    yield places.storage, "Microsoft.Storage/storageAccounts"
    if facts.secrets:
        yield places.vault, "Microsoft.KeyVault/vaults"


def _of_deployer(facts: Facts, places: Places, assigned: list[Need]) -> Iterator[Need]:
    yield from _to_create(facts, places)
    yield from _to_promote(facts, places)
    scopes: dict[Place, list[Need]] = {}
    wide = {place for need in assigned if (place := places.covering(need.place)) == places.home}
    for need in assigned:
        scope = places.covering(need.place)
        scopes.setdefault(next((place for place in wide if scope.lies_in(place)), scope), []).append(need)
    for place, needs in scopes.items():
        resources = tuple(dict.fromkeys(resource for need in needs for resource in need.resources))
        roles = tuple(dict.fromkeys(need.role for need in needs))
        yield Need(
            Who.DEPLOYER,
            Role.RBAC_ADMINISTRATOR,
            place,
            resources,
            f"`up` assigns {', '.join(role.shown for role in roles)} there",
            assigns=roles,
            actions=(ASSIGN,),
        )
    if places.home != places.subscription:
        yield Need(
            Who.DEPLOYER,
            Role.READER,
            places.subscription,
            ("cluster-quota",),
            "the preview looks up sizes, prices and the quota",
            actions=("Microsoft.MachineLearningServices/locations/usages/read",),
            is_optional=True,
        )


def _to_promote(facts: Facts, places: Places) -> Iterator[Need]:
    """What it takes to read models of other workspaces, and to import their images.

    https://learn.microsoft.com/azure/container-registry/container-registry-import-images: Reader on the source, and
    Contributor on the registry that imports.
    """
    registries = "Microsoft.ContainerRegistry/registries"
    for workspace, models in facts.promoted.items():
        name = parse_id(workspace, WORKSPACE).name
        storage = Place(f"the storage account of {name}", named_by="storageAccount", workspace=workspace)
        registry = Place(f"the container registry of {name}", named_by="containerRegistry", workspace=workspace)
        resources = tuple(f"{model}-model-version" for model in models)
        for role, place, why, actions in (
            (
                Role.READER,
                Place(f"the workspace {name}", workspace),
                "`up` reads which files the promoted models are",
                (f"{ML}/models/versions/read", f"{ML}/datastores/read"),
            ),
            (Role.READER, storage, "`up` looks up its address", ("Microsoft.Storage/storageAccounts/read",)),
            (Role.BLOB_DATA_READER, storage, "`up` copies the files of the promoted models", ()),
            (Role.READER, registry, "the images of the promoted models are imported from it", (f"{registries}/read",)),
        ):
            yield Need(Who.DEPLOYER, role, place, resources, why, actions=actions)
        if facts.registry not in ("", NEW):
            why, action = "it imports the images of the promoted models", f"{registries}/importImage/action"
            yield Need(Who.DEPLOYER, Role.CONTRIBUTOR, places.registry, resources, why, actions=(action,))


def _to_use_registry(facts: Facts, places: Places) -> Iterator[Need]:
    """What a registry that exists takes of who deploys; one that the stack creates is within Contributor."""
    if facts.registry in ("", NEW):
        return
    registries, place = "Microsoft.ContainerRegistry/registries", places.registry

    def need(role: Role, resource: str, why: str, *actions: str) -> Need:
        return Need(
            Who.DEPLOYER, role, place, (resource,), why, actions=tuple(f"{registries}/{one}" for one in actions)
        )

    if facts.builder is ImageBuilder.ACR:
        actions = ("listBuildSourceUploadUrl/action", "scheduleRun/action")
        yield need(Role.CONTRIBUTOR, "image-build", "`up` builds the image in it", *actions)
        return
    if facts.builder is ImageBuilder.DOCKER:
        yield need(Role.ACR_PUSH, "image-build", "`up` pushes the image", "push/write")
    if place.is_there:
        yield need(Role.READER, "registry", "`up` looks up its address", "read")


def _to_create(facts: Facts, places: Places) -> Iterator[Need]:
    """The roles that creating the resources takes. Contributor covers whatever lies in its scope."""
    has_new_cluster, is_attached = facts.cluster == NEW, facts.workspace != NEW
    has_identity = facts.cluster in ("", NEW)
    if not is_attached or facts.registry == NEW:
        made = [
            *(["group"] if facts.group == NEW else []),
            *([] if is_attached else ["data", "kv", "logs", "insights", "ml"]),
            *(["registry"] if facts.registry == NEW else []),
            *(["nodes"] if has_identity else []),
            *(["cluster-compute"] if has_new_cluster else []),
        ]
        kinds = {
            "group": "Microsoft.Resources/subscriptions/resourceGroups/write",
            "data": "Microsoft.Storage/storageAccounts/write",
            "kv": "Microsoft.KeyVault/vaults/write",
            "logs": "Microsoft.OperationalInsights/workspaces/write",
            "insights": "Microsoft.Insights/components/write",
            "ml": f"{ML}/write",
            "registry": "Microsoft.ContainerRegistry/registries/write",
            "nodes": "Microsoft.ManagedIdentity/userAssignedIdentities/write",
            "cluster-compute": f"{ML}/computes/write",
        }
        why = "`up` creates the resource group and all in it" if facts.group == NEW else "`up` creates resources in it"
        actions = tuple(kinds[name] for name in made)
        yield Need(Who.DEPLOYER, Role.CONTRIBUTOR, places.home, tuple(made), why, actions=actions)
    else:
        yield Need(
            Who.DEPLOYER,
            Role.ML_DATA_SCIENTIST,
            places.workspace,
            ("image-environment",),
            "`up` registers environments and data there",
            actions=(f"{ML}/environments/versions/write",),
        )
        if has_new_cluster:
            yield Need(
                Who.DEPLOYER,
                Role.ML_COMPUTE_OPERATOR,
                places.workspace,
                ("cluster-compute",),
                "`up` creates the cluster in it",
                actions=(f"{ML}/computes/write",),
            )
        if has_identity:
            identity = "Microsoft.ManagedIdentity/userAssignedIdentities"
            yield Need(
                Who.DEPLOYER,
                Role.IDENTITY_CONTRIBUTOR,
                places.home,
                ("nodes",),
                "`up` creates the identity of the nodes",
                actions=(f"{identity}/write",),
            )
            yield Need(
                Who.DEPLOYER,
                Role.IDENTITY_OPERATOR,
                places.home,
                ("cluster-compute",),
                "the cluster gets that identity",
                actions=(f"{identity}/assign/action",),
            )
        for place, kind in _looked_up(facts, places):
            yield Need(
                Who.DEPLOYER, Role.READER, place, ("ml",), "`up` looks up its address", actions=(f"{kind}/read",)
            )
    yield from _to_use_registry(facts, places)
    if facts.subnet:
        network = facts.subnet[: facts.subnet.lower().rfind("/subnets/")]
        name = parse_id(facts.subnet, SUBNET).names[0]
        yield Need(
            Who.DEPLOYER,
            Role.NETWORK_CONTRIBUTOR,
            Place(f"the virtual network {name}", network),
            ("cluster-compute",),
            "the nodes join its subnet",
            actions=("Microsoft.Network/virtualNetworks/subnets/join/action",),
        )
