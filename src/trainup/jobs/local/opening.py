"""Opens the target for this machine."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainup.core.clusters import ClusterStatus
from trainup.jobs.job_inputs import Inputs
from trainup.jobs.target import Target, TargetError

if TYPE_CHECKING:
    from trainup.jobs.models.registry import ModelRegistry

POOL = "trainup:index:Pool"

request_of = None
draft_of = None


def open_target(
    inputs: Inputs,
    project: Path,
    secrets: Mapping[str, str],
    progress: Callable[[str], None],
    stop: threading.Event | None,
) -> Target:
    """The workspace folder that the inputs name."""
    from trainup.jobs.local.target import LocalTarget
    from trainup.jobs.local.workspace import Workspace

    return LocalTarget(Workspace.at(project, inputs["workspace"]), secrets)


def has(inputs: Inputs, code: str | None, data: Sequence[Mapping[str, Any]]) -> list[bool | None]:
    """Nothing is uploaded: code is copied, and data is used where it lies."""
    return [None] * (1 + len(data))


def open_models(
    inputs: Inputs, project: Path, progress: Callable[[str], None], stop: threading.Event | None
) -> "ModelRegistry":
    """The models in the MLflow server of the workspace folder."""
    from trainup.jobs.local.models import LocalModels
    from trainup.jobs.local.workspace import Workspace

    return LocalModels(Workspace.at(project, inputs["workspace"]))


def cluster_statuses(
    resources: Sequence[Mapping[str, Any]], platform: Mapping[str, Any], project: Path
) -> list[ClusterStatus]:
    """Pools of slots as clusters whose nodes are always there."""
    return [_status(resource["inputs"], project) for resource in resources if resource["type"] == POOL]


def _status(inputs: Mapping[str, Any], project: Path) -> ClusterStatus:
    from trainup.jobs.local.slots import Pool
    from trainup.jobs.local.workspace import Workspace

    pool = Pool(Workspace.at(project, inputs["workspace"]), inputs["name"])
    settings = pool.settings()
    if settings is None:
        raise TargetError(f"there is no cluster {inputs['name']!r}: `pulumi refresh` tells the stack so")
    most = int(settings["max_nodes"])
    running = min(pool.in_use(), most)
    return ClusterStatus(inputs["name"], "Steady", most, most, {"idle": most - running, "running": running}, ())
