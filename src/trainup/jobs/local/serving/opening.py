"""Endpoints on this machine, by the contract of all targets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from trainup.core import suggest
from trainup.core.serving import EndpointInputs
from trainup.jobs.job_inputs import with_absolute_uri
from trainup.jobs.local import environments
from trainup.jobs.local.launch import environment_folder
from trainup.jobs.local.serving import endpoints, environment
from trainup.jobs.local.serving.folder import folder_of
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.serving.deployment import Deployment, Serving, ServingError
from trainup.jobs.target import Owner


@dataclass(frozen=True)
class LocalEndpoint:
    """An endpoint of a local workspace."""

    workspace: Workspace
    inputs: EndpointInputs
    owner: Owner
    progress: Callable[[str], None]
    stop: Event | None

    def problems(self) -> list[tuple[str, str]]:
        port, found = self.inputs.port, self._model_problems()
        if port is not None and endpoints.is_taken(folder_of(self.workspace, self.inputs.name), port):
            found.append(("port", endpoints.TAKEN.format(port=port)))
        return found

    def _model_problems(self) -> list[tuple[str, str]]:
        """A problem where the outputs of a run are there and the model is not among them."""
        uri, path, project = self.inputs.model.get("uri"), self.inputs.model.get("path"), self.workspace.project
        if not isinstance(uri, str) or not isinstance(path, str) or project is None:
            return []
        folder = Path(with_absolute_uri(project, {"uri": uri})["uri"])
        model = folder / path
        if not folder.is_dir() or model.exists():
            return []
        inside = model.parent if model.parent.is_dir() else folder
        names = sorted(str(one.relative_to(folder)) for one in inside.iterdir())
        return [("model", suggest.unknown(path, names, f"{uri} has no {path!r}, which `path` says"))]

    def deploy(self, deployment: Deployment) -> Serving:
        folder = folder_of(self.workspace, self.inputs.name)
        if others := folder.owners.others(self.owner):
            raise ServingError(
                f"{', '.join(others)} has an endpoint {self.inputs.name!r} in this workspace: give this one another "
                "name"
            )
        try:
            image = environment.build(self.workspace, deployment.image, self.progress, self.stop)
        except environments.BuildError as error:
            raise ServingError(f"the environment that serves could not be built: {error}") from error
        environments.owners(self.workspace, image).join(self.owner)
        port = endpoints.deploy(
            self.workspace, self.inputs.name, deployment, image, self.inputs.port, self.progress, self.stop
        )
        folder.owners.join(self.owner)
        self._leave_environments({environment_folder(self.workspace, image).name})
        return Serving(endpoints.address(port), deployment.name)

    def read(self) -> Serving | None:
        folder = folder_of(self.workspace, self.inputs.name)
        live = folder.live()
        if live is None or not folder.is_kept():
            return None
        return Serving(endpoints.address(int(folder.read()["port"])), live)

    def remove(self) -> bool:
        folder = folder_of(self.workspace, self.inputs.name)
        if not folder.path.exists():
            return True
        if not folder.owners.is_empty and not folder.owners.leave(self.owner):
            return False
        endpoints.remove(self.workspace, self.inputs.name)
        self._leave_environments(set())
        return True

    def _leave_environments(self, needed: set[str]) -> None:
        """Need no other environments than these, which `prune` would else keep for ever."""
        for path in environments.built(self.workspace):
            if path.name not in needed:
                environments.owners(self.workspace, path.name).leave(self.owner)


def open_endpoint(
    inputs: EndpointInputs, project: Path, owner: Owner, progress: Callable[[str], None], stop: Event | None
) -> LocalEndpoint:
    """An endpoint of the workspace that the inputs name."""
    workspace = Workspace.at(project, inputs.workspace)
    return LocalEndpoint(workspace, inputs, owner, progress, stop)
