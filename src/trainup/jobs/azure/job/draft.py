"""The request that would start a run of a stack that is not deployed yet, with marks for what nobody knows so far."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainup.core.azure_ids import CLUSTER, WORKSPACE, AzureId
from trainup.core.naming import job_name
from trainup.core.trials import Trial
from trainup.core.values import Unknown
from trainup.jobs import git, snapshot
from trainup.jobs.azure.http.client import API_VERSION
from trainup.jobs.azure.http.endpoints import find_endpoints
from trainup.jobs.azure.job.body import References, to_command_job
from trainup.jobs.azure.job.submission import cluster_of
from trainup.jobs.azure.platform import code, environments, uploads
from trainup.jobs.job_inputs import Inputs, job_of
from trainup.jobs.snapshot.tree_hash import tree_hash
from trainup.jobs.target import Owner

NOBODY = "00000000-0000-0000-0000-000000000000"
STANDS_FOR = "known-after-up"
"""In place of a text that is unknown; also in ids and digests, which have to have their form until they are shown."""
PLACEHOLDERS: Mapping[str, str] = {
    "workspace": str(AzureId(NOBODY, STANDS_FOR, WORKSPACE, (STANDS_FOR,))),
    "uri": f"azureml:{STANDS_FOR}:1",
    "cluster": str(AzureId(NOBODY, STANDS_FOR, CLUSTER, (STANDS_FOR, STANDS_FOR))),
}


def draft_of(inputs: Inputs, project: Path, owner: Owner, trial: Trial | None = None) -> dict[str, Any]:
    """Method, URL and body of the first request of a run; `<… known after up>` stands for what is unknown.

    It asks nobody but a cloud of one's own for its addresses. Raises SnapshotError and TargetError.
    """
    given = {name: _filled(name, value) for name, value in inputs.items() if name != "digest"}
    job = replace(job_of(given, project, owner), git=git.state_of(project), trial=trial)
    workspace = given["workspace"]
    cluster = cluster_of(job, workspace)
    references = References(
        workspace=workspace,
        environment_id=job.environment or environments.environment_id(workspace, job.spec.image or "", job.spec.conda),
        code_id=code.code_id(workspace, tree_hash(snapshot.files(job.source))[0]) if job.source else None,
        compute_id=cluster,
        client_id=NOBODY if cluster else None,
        secrets=dict.fromkeys(job.spec.secrets, STANDS_FOR),
        data={
            name: uploads.asset_of(workspace, item).address
            for name, item in job.data_inputs.items()
            if uploads.is_on_this_machine(item)
        },
        vault_resource=STANDS_FOR,
    )
    name, host = job_name(job.id, 1), find_endpoints(inputs.get("cloud")).resource_manager
    request = {
        "method": "PUT",
        "url": f"{host}{workspace}/jobs/{name}?api-version={API_VERSION}",
        "body": to_command_job(job, 1, references),
    }
    names = {name: f"{job.run}-<digest: known after up>", job.digest: "<known after up>"}
    return dict(_shown(request, names))


def _filled(name: str, value: Any) -> Any:
    """A value with placeholders of the right form for what is unknown in it."""
    if isinstance(value, Unknown):
        return {} if name == "manifest" else PLACEHOLDERS.get(name, STANDS_FOR)
    if isinstance(value, dict):
        return {key: _filled(key, item) for key, item in value.items()}
    return [_filled("", item) for item in value] if isinstance(value, list) else value


def _shown(value: Any, names: Mapping[str, str]) -> Any:
    """A value of the request as people read it."""
    if isinstance(value, dict):
        return {_shown(key, names): _shown(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item, names) for item in value]
    if not isinstance(value, str):
        return value
    for known, shown in names.items():
        value = value.replace(known, shown)
    marked = value.replace(NOBODY, STANDS_FOR)
    return re.sub(rf"(azureml:)?{STANDS_FOR}(:1)?", "<known after up>", marked)
