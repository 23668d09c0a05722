"""What a stack's settings say about the roles that its graph needs."""

from trainup.core.azure_ids import WORKSPACE, parse_id
from trainup.core.needed_roles import needed
from trainup.core.role_needs import NEW, Facts, Need
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.target_settings import TargetSettings


def needed_by(settings: TargetSettings) -> list[Need]:
    """The least roles for a stack; none for one that runs on this machine."""
    return needed(facts_of(settings)) if isinstance(settings, AzureSettings) else []


def facts_of(settings: AzureSettings) -> Facts:
    """The facts from which `core/needed_roles.py` derives the roles."""
    workspace, cluster = settings.existing_workspace, settings.cluster
    group = parse_id(workspace, WORKSPACE).resource_group if workspace else settings.workspace.resource_group
    return Facts(
        subscription=settings.azure_native.subscription_id or "",
        group=group or NEW,
        workspace=workspace or NEW,
        registry=_registry(settings),
        cluster=cluster.id or ("" if cluster.serverless else NEW),
        subnet=cluster.subnet or "",
        builder=settings.image.builder,
        secrets=settings.has_secrets,
        data=tuple(asset.storage for asset in settings.data.values() if not asset.key),
        principals=settings.access.principals,
        promoted=_promoted(settings),
        endpoints=tuple(settings.endpoints),
    )


def _promoted(settings: AzureSettings) -> dict[str, tuple[str, ...]]:
    """Id of another workspace → the models that come from it. What is no id of one is told by the model itself."""
    found: dict[str, tuple[str, ...]] = {}
    for name, model in settings.models.items():
        workspace = (model.promoted or "").rpartition("/models/")[0]
        try:
            theirs = str(parse_id(workspace, WORKSPACE))
        except ValueError:
            continue
        if theirs.lower() != (settings.existing_workspace or "").lower():
            found[theirs] = (*found.get(theirs, ()), name)
    return found


def _registry(settings: AzureSettings) -> str:
    if not settings.uses_azure_registry:
        return ""
    return Facts.OF_WORKSPACE if settings.takes_workspace_registry else settings.registry.id or NEW
