"""Endpoints of Azure ML, by the contract of all targets."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from trainup.core.serving import EndpointInputs
from trainup.jobs.target import Owner

if TYPE_CHECKING:
    from trainup.jobs.azure.serving.endpoint import OnlineEndpoint


def open_endpoint(
    inputs: EndpointInputs, project: Path, owner: Owner, progress: Callable[[str], None], stop: Event | None
) -> "OnlineEndpoint":
    """An endpoint of the workspace that the inputs name."""
    from trainup.jobs.azure.http.connection import connect
    from trainup.jobs.azure.http.polling import polling
    from trainup.jobs.azure.platform.workspace import Workspace
    from trainup.jobs.azure.serving.endpoint import OnlineEndpoint

    workspace = Workspace(connect(inputs.cloud), inputs.workspace)
    return OnlineEndpoint(workspace, inputs, project, owner, progress, stop or Event(), polling())
