"""The settings of stacks on this machine."""

from pathlib import Path
from typing import Any

from pydantic import Field

from trainup.core.spec_keys import MAX_NODES
from trainup.core.values import UNKNOWN_TEXT
from trainup.infra import workspace_folder
from trainup.infra.cost_settings import CostSettings
from trainup.infra.endpoint_settings import EndpointName, EndpointSettings
from trainup.infra.model_settings import GateSettings, ModelName, RegisteredModelSettings
from trainup.infra.run_settings import RunSettings
from trainup.infra.sections import DataName, JudgedSection, RunName, Section
from trainup.infra.target_settings import SettingsDeclaration, TargetName
from trainup.infra.workspace_folder import OWN


class WorkspaceSettings(Section):
    """`trainup:workspace`."""

    path: str | None = None
    """Folder of the local workspace; `.trainup/<stack>` when not given.

    Replaces: the runs, whose records are looked for in the other folder.
    """
    tracking: str = "server"
    """Where runs log metrics to: `server` (an MLflow server of this workspace), `none`, or another one's address."""


class ClusterSettings(Section):
    """`trainup:cluster`."""

    name: str = "gpu-cluster"
    """Name of the cluster in its workspace.

    Replaces: the cluster.
    """
    max_nodes: int = Field(default=1, ge=1, le=MAX_NODES)
    """How many nodes work at once, with a share of GPUs and processors each; further runs wait in a queue."""


class ImageSettings(JudgedSection):
    """`trainup:image`."""

    requirements: str | None = None
    """File of requirements in pip's format, relative to Pulumi.yaml. Defaults to trainup's own packages.

    Replaces: the environment and the runs.
    """
    python: str | None = None
    """Version of Python, such as `3.12`; uv downloads it where it is missing. Defaults to trainup's own.

    Replaces: the environment and the runs.
    """
    allow_secrets: list[str] | None = None
    """Files and lines that only look like secrets, such as `requirements.txt` or `requirements.txt:3`."""

    def judged_inputs(self) -> dict[str, Any] | None:
        return {"builder": "venv", "workspace": UNKNOWN_TEXT, **self.model_dump(mode="json", exclude_none=True)}


class LocalDataSettings(JudgedSection):
    """One entry of `trainup:data`: a file or folder, relative to the folder of Pulumi.yaml."""

    path: str
    """The file or folder, relative to Pulumi.yaml; it is known by its content.

    Replaces: the runs that read it, where its content changes.
    """

    def judged_inputs(self) -> dict[str, Any] | None:
        return {"path": self.path} if self.path else None


class LocalEndpointSettings(EndpointSettings):
    """One entry of `trainup:endpoints`: a server on this machine."""

    port: int | None = Field(default=None, ge=1024, le=65535)
    """Its port on 127.0.0.1; a free one, which stays, when not given."""


class LocalSettings(Section):
    """All of a local stack's configuration."""

    target: TargetName = "local"
    """Where the stack's runs run.

    Replaces: everything.
    """
    workspace: WorkspaceSettings = WorkspaceSettings()
    """The folder that keeps the record of runs, and their pages."""
    cluster: ClusterSettings = ClusterSettings()
    """What the runs share: the slots of this machine."""
    image: ImageSettings = ImageSettings()
    """The environment that the scripts run in, which uv builds."""
    data: dict[DataName, LocalDataSettings] = Field(default_factory=dict)
    """Data by name, as inputs of runs: files and folders of this machine."""
    costs: CostSettings = CostSettings()
    """Ceilings on costs; nothing costs anything on this machine."""
    runs: dict[RunName, RunSettings] = Field(default_factory=dict)
    """The training runs by name."""
    endpoints: dict[EndpointName, LocalEndpointSettings] = Field(default_factory=dict)
    """Endpoints by name: what serves the models of the runs."""
    models: dict[ModelName, RegisteredModelSettings] = Field(default_factory=dict)
    """Models by name: outputs of runs as versions of registered models."""
    gates: dict[RunName, GateSettings] = Field(default_factory=dict)
    """Gates by name: which version of a model is live."""
    allow_secrets: list[str] = Field(default_factory=list)
    """Settings outside of runs and the image that only look like secrets, such as `workspace.path`."""

    @property
    def node_limit(self) -> int:
        """The most nodes that one run can have."""
        return self.cluster.max_nodes

    def misfits(self) -> list[str]:
        """Problems between sections that are valid by themselves."""
        if self.models and self.workspace.tracking != "server":
            return [
                f"trainup:models: models are registered in the workspace's own MLflow server, and "
                f"trainup:workspace.tracking is {self.workspace.tracking!r}: set it to `server`"
            ]
        return []

    def file_problems(self, root: Path, stack: str) -> list[str]:
        """Problems with the folder of the workspace."""
        workspace = self.workspace.path or f"{OWN}/{stack}"
        sources = {name: run.source for name, run in self.runs.items() if run.source}
        data = {name: one.path for name, one in self.data.items()}
        return workspace_folder.problems_of(workspace, sources, data, root)


DECLARATION = SettingsDeclaration(
    LocalSettings, {"image": ImageSettings, "data": LocalDataSettings}, LocalEndpointSettings
)
