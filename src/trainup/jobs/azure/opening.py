"""Opens the target for runs on Azure ML. Azure's SDKs are imported only when they are needed."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainup.core.clusters import SERVERLESS, ClusterStatus
from trainup.core.inputs import parse_run
from trainup.core.trials import Trial
from trainup.core.values import Unknown
from trainup.jobs.job_inputs import Inputs, job_of
from trainup.jobs.target import Job, Owner, Target

if TYPE_CHECKING:
    from trainup.jobs.azure.job.submission import Submission
    from trainup.jobs.models.registry import ModelRegistry

COMPUTE = "azure-native:machinelearningservices:Compute"
PROVIDER = "pulumi:providers:azure-native"


def open_target(
    inputs: Inputs,
    project: Path,
    secrets: Mapping[str, str],
    progress: Callable[[str], None],
    stop: threading.Event | None,
) -> Target:
    """The target for the workspace in the inputs. Raises TargetError."""
    from trainup.jobs.azure.http.connection import connect

    connect(inputs.get("cloud")).begin_login()  # answered while the rest is imported, which takes as long
    from trainup.jobs.azure.target import AzureTarget

    submission = _submission(inputs, project)
    submission.progress, submission.stop = progress, stop or submission.stop
    return AzureTarget(submission.workspace, submission, secrets, _by_hand(inputs, project))


def request_of(job: Job, inputs: Inputs, project: Path) -> dict[str, Any]:
    """Method, URL and body of the request for the next attempt. Raises AzureError, SnapshotError, TargetError."""
    from trainup.jobs.azure.job import request

    return request.request_of(job, _submission(inputs, project, dry=True))


def draft_of(inputs: Inputs, project: Path, owner: Owner, trial: Trial | None = None) -> dict[str, Any]:
    """The same for a stack that is not deployed yet, with marks for what is unknown. SnapshotError, TargetError."""
    from trainup.jobs.azure.job import draft

    return draft.draft_of(inputs, project, owner, trial)


def has(inputs: Inputs, code: str | None, data: Sequence[Mapping[str, Any]]) -> list[bool | None]:
    """Whether the workspace has this code and these data assets; in a preview, so it soon gives up. AzureError."""
    workspace_id = inputs.get("workspace")
    if not isinstance(workspace_id, str) or isinstance(inputs.get("cloud"), Unknown):
        return [None] * (1 + len(data))
    from trainup.jobs.azure.http.client import AzureClient
    from trainup.jobs.azure.http.connection import connect
    from trainup.jobs.azure.http.pipeline import Patience
    from trainup.jobs.azure.platform import code as code_assets
    from trainup.jobs.azure.platform import uploads

    patient = connect(inputs.get("cloud"))
    client = AzureClient(patient.endpoints, patient.credential, Patience(tries=2, longest_pause=1.0))
    answers: list[bool | None] = [code_assets.find(client, workspace_id, code) is not None if code else None]
    return answers + [client.find(uploads.asset_of(workspace_id, item).id) is not None for item in data]


def open_models(
    inputs: Inputs, project: Path, progress: Callable[[str], None], stop: threading.Event | None
) -> "ModelRegistry":
    """The models of the workspace in the inputs. Raises TargetError."""
    from trainup.jobs.azure.http.connection import connect
    from trainup.jobs.azure.platform.models import AzureModels
    from trainup.jobs.azure.platform.workspace import Workspace

    workspace = Workspace(connect(inputs.get("cloud")).with_own_prefetch(), str(inputs["workspace"]))
    return AzureModels(workspace, progress, stop or threading.Event())


def cluster_statuses(
    resources: Sequence[Mapping[str, Any]], platform: Mapping[str, Any], project: Path
) -> list[ClusterStatus]:
    """The statuses of the stack's own clusters, or else of the cluster that it uses. Raises AzureError, TargetError."""
    ids = [str(resource["id"]) for resource in resources if resource["type"] == COMPUTE and "id" in resource]
    attached = platform.get("cluster_id")
    if not ids and platform.get("target") in (None, "azure") and attached and attached != SERVERLESS:
        ids = [str(attached)]
    if not ids:
        return []
    from trainup.jobs.azure.http.connection import connect
    from trainup.jobs.azure.platform import clusters

    client = connect(_cloud(resources))
    return [clusters.status(client, cluster_id) for cluster_id in ids]


def _cloud(resources: Sequence[Mapping[str, Any]]) -> str | None:
    """The metadata host or the name of the cloud in the inputs of the stack's provider."""
    for resource in resources:
        if resource["type"] == PROVIDER:
            inputs: dict[str, Any] = resource.get("inputs", {})
            return inputs.get("metadataHost") or inputs.get("environment")
    return None


def _submission(inputs: Inputs, project: Path, *, dry: bool = False) -> "Submission":
    """The object that prepares a run in its workspace."""
    from trainup.jobs.azure.http.connection import CODE_HASHES, connect
    from trainup.jobs.azure.job.submission import Submission
    from trainup.jobs.azure.platform.workspace import Workspace
    from trainup.jobs.snapshot.tree_hash import TreeHashes

    workspace = Workspace(connect(inputs.get("cloud")).with_own_prefetch(), inputs["workspace"])
    return Submission(workspace, TreeHashes(project / CODE_HASHES), dry=dry)


def _by_hand(inputs: Inputs, project: Path) -> str:
    from trainup.jobs.azure.job.reproduce import reproduce

    parsed, _ = parse_run(inputs)
    if parsed.spec is None:
        return ""
    return reproduce(job_of(inputs, project, Owner("", "")), Path(parsed.source) if parsed.source else None)
