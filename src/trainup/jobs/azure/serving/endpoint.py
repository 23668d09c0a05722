"""A managed online endpoint of Azure ML: traffic moves last, and a deployment that fails is removed, since it costs."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from trainup.core import suggest
from trainup.core.canonical import sha256
from trainup.core.models import number_of
from trainup.core.serving import EndpointInputs
from trainup.jobs import snapshot
from trainup.jobs.azure.http.client import AzureClient, AzureError
from trainup.jobs.azure.http.connection import CODE_HASHES
from trainup.jobs.azure.http.roles import wait_for_role
from trainup.jobs.azure.job import files as job_files
from trainup.jobs.azure.platform import code, environments
from trainup.jobs.azure.platform.workspace import Workspace
from trainup.jobs.azure.serving import bodies
from trainup.jobs.serving import samples, server_log, trainup_entry
from trainup.jobs.serving.deployment import Deployment, Serving, ServingError
from trainup.jobs.target import Owner, Polling

READY_SECONDS = 2400.0
"""How long an endpoint or a deployment may take; 20 GB of an image alone take twenty minutes."""
SCOPE = "https://ml.azure.com/.default"
"""Scope of tokens for requests to endpoints."""
LOG_LINES = 300
ENDED = frozenset({"Succeeded", "Failed", "Canceled"})


@dataclass(frozen=True)
class OnlineEndpoint:
    """An endpoint of a workspace."""

    workspace: Workspace
    inputs: EndpointInputs
    project: Path
    owner: Owner
    progress: Callable[[str], None]
    stop: Event
    polling: Polling

    @property
    def name(self) -> str:
        """Its name on Azure."""
        return bodies.endpoint_name(self.workspace.id, self.inputs.name)

    @property
    def id(self) -> str:
        """Its resource id."""
        return f"{self.workspace.id}/onlineEndpoints/{self.name}"

    @property
    def _client(self) -> AzureClient:
        return self.workspace.client

    @property
    def _owner(self) -> str:
        """The resource as a tag: the same, whatever folder the stack is deployed from."""
        return sha256(self.owner.urn)[:32]

    def problems(self) -> list[tuple[str, str]]:
        uri, path = self.inputs.model.get("uri"), self.inputs.model.get("path")
        if not isinstance(uri, str) or not isinstance(path, str) or not bodies.is_in_datastore(self.workspace.id, uri):
            return []
        try:
            if job_files.files_below(self.workspace, uri, path):
                return []
            names = job_files.beside(self.workspace, uri, path)
        except AzureError:  # whoever deploys need not be allowed to read it: the deployment tells what it finds
            return []
        return [("model", suggest.unknown(path, names, f"{uri} has no {path!r}, which `path` says"))]

    def deploy(self, deployment: Deployment) -> Serving:
        current = self._client.find(self.id)
        if current is None:
            self.progress(f"{self.name}: the endpoint is created")
            self._put_endpoint({}, {}, "")
            current = self._settled(self.id)
        self._check(current)
        traffic = {name: int(share) for name, share in (current["properties"].get("traffic") or {}).items()}
        target = f"{self.id}/deployments/{deployment.name}"
        made = self._client.find(target)
        if made is not None and made["properties"].get("provisioningState") == "Failed":
            self._delete_deployment(deployment.name)
            made = None
        is_new = made is None
        if is_new:
            self._create(target, deployment)
        try:
            self._smoke(str(current["properties"]["scoringUri"]), deployment)
        except (ServingError, AzureError):
            if is_new:
                self._delete_deployment(deployment.name)
            raise
        self._move(traffic, deployment.name)
        return Serving(str(current["properties"]["scoringUri"]), deployment.name, {"endpoint": self.name})

    def read(self) -> Serving | None:
        current = self._client.find(self.id)
        if current is None:
            return None
        own = current["properties"]
        newest = str((current.get("tags") or {}).get(bodies.NEWEST, ""))
        shares = {**(own.get("mirrorTraffic") or {}), **(own.get("traffic") or {})}
        if not newest or newest not in shares or self._client.find(f"{self.id}/deployments/{newest}") is None:
            return None
        return Serving(str(own["scoringUri"]), newest, {"endpoint": self.name})

    def remove(self) -> bool:
        current = self._client.find(self.id)
        if current is None:
            return True
        if (current.get("tags") or {}).get(bodies.OWNER) != self._owner:
            return False
        self._client.delete(self.id)
        self._wait(self.id, lambda resource: resource is None, "to be deleted")
        return True

    def _check(self, current: Mapping[str, Any]) -> None:
        """Raise ServingError where the endpoint is somebody else's, or is not as it has to be."""
        if (current.get("tags") or {}).get(bodies.OWNER) != self._owner:
            raise ServingError(f"there is an endpoint {self.name} of another stack: give this one another name")
        mode, wanted = current["properties"].get("authMode"), bodies.AUTH_MODES[self.inputs.auth_mode]
        if mode != wanted:
            raise ServingError(
                f"the endpoint {self.name} has the auth mode {mode}, which Azure ML does not change to {wanted}: give "
                "it another name, which makes a new one"
            )

    def _create(self, target: str, deployment: Deployment) -> None:
        """Create a deployment, and wait until it is healthy; one that is not is removed."""
        environment, location = self._environment(deployment.image), self.workspace.location
        body = bodies.deployment(
            deployment, self.inputs, environment, location, self._code(deployment), self._model(deployment)
        )
        self.progress(f"{self.name}: {deployment.name} is created, and answers the samples")
        self._client.put(target, body)
        made = self._wait(target, lambda resource: resource is None or _state(resource) in ENDED, "to be healthy")
        if made is not None and _state(made) == "Succeeded":
            return
        reason = self._failure(target)
        self._delete_deployment(deployment.name)
        raise ServingError(reason)

    def _environment(self, image: str) -> str:
        """The environment of the image that serves: the stack's, unless the model was made in another image."""
        own = self._client.find(self.inputs.environment) or {}
        its_image = (own.get("properties") or {}).get("image")
        if its_image in (None, image):
            return self.inputs.environment
        return environments.ensure(self.workspace, image)

    def _code(self, deployment: Deployment) -> str:
        """The id of the code: the source folder, and the entry script beside it."""
        with tempfile.TemporaryDirectory(prefix="trainup-serving-") as temporary:
            folder = Path(temporary) / "code"
            expected, manifest = deployment.snapshot, deployment.manifest
            snapshot.copy(deployment.source, folder, expected_digest=expected, manifest=manifest)
            (folder / bodies.ENTRY).write_bytes(Path(trainup_entry.__file__).read_bytes())
            allowed = [path.name for path in folder.rglob("*")]
            content = snapshot.take(folder, cache=snapshot.StatCache(Path(temporary) / "cache"), allow_secrets=allowed)
            return code.ensure(
                self.workspace,
                folder,
                digest=content.digest,
                manifest=content.manifest,
                hashes=snapshot.TreeHashes(self.project / CODE_HASHES),
                progress=self.progress,
                stop=self.stop,
            )

    def _model(self, deployment: Deployment) -> str | None:
        """The id of the model's version, which is registered where it is only an address."""
        model = deployment.model
        if not model or model.get("id"):
            return str(model["id"]) if model else None
        body = bodies.model(self.workspace.id, model)
        version = number_of(sha256([model["digest"], body]))
        target = f"{self.workspace.id}/models/{self.inputs.name}/versions/{version}"
        if self._client.find(target) is None:
            self._client.put(target, body)
        return target

    def _smoke(self, address: str, deployment: Deployment) -> None:
        """Have the deployment answer the samples, whether it gets traffic or not. Raises ServingError."""
        if not deployment.samples:
            return
        headers = {"Content-Type": "application/json", "azureml-model-deployment": deployment.name}
        if self.inputs.auth_mode == "key":
            keys = self._client.post(f"{self.id}/listKeys")
            client, headers["Authorization"] = self._client, f"Bearer {keys['primaryKey']}"
        else:
            client = self._client.for_scope(SCOPE)
        for sample in samples.of(deployment.source / deployment.samples):

            def ask(sample: samples.Sample = sample) -> tuple[int, bytes]:
                answer = client.send(
                    "POST",
                    address,
                    version="",
                    content=sample.body,
                    headers=headers,
                    signed=self.inputs.auth_mode == "key",
                    allowed=(400, 404, 413, 424, 500),
                )
                return answer.status_code, answer.content

            status, content = wait_for_role(
                client,
                ask,
                lambda error: error.status in (401, 403),
                "the right to send requests to the endpoint",
                self.progress,
                self.stop,
            )
            if problem := sample.problem(status, content):
                raise ServingError(problem)

    def _move(self, before: Mapping[str, int], newest: str) -> None:
        """Give the newest deployment its share of the requests, and remove those that get none any more."""
        others = {name: share for name, share in before.items() if name != newest and share > 0}
        share, mirrored = (self.inputs.traffic, self.inputs.mirror_traffic) if others else (100, 0)
        if mirrored:
            share = 0  # Azure ML takes either for one deployment
        kept = max(others, key=lambda name: others[name]) if others and share < 100 else None
        traffic = {newest: share} if kept is None else {kept: 100 - share, newest: share}
        mirror = {newest: mirrored} if mirrored else {}
        self._put_endpoint(traffic, mirror, newest)
        self._settled(self.id)
        for name in self._deployments():
            if name not in (newest, kept):
                self._delete_deployment(name)

    def _put_endpoint(self, traffic: Mapping[str, int], mirror: Mapping[str, int], newest: str) -> None:
        body = bodies.endpoint(self.inputs, self.workspace.location, self._owner, traffic, mirror, newest)
        self._client.put(self.id, body)

    def _deployments(self) -> Iterator[str]:
        yield from [str(item["name"]) for item in self._client.pages(f"{self.id}/deployments")]

    def _delete_deployment(self, name: str) -> None:
        target = f"{self.id}/deployments/{name}"
        self._client.delete(target)
        self._wait(target, lambda resource: resource is None, "to be deleted")

    def _settled(self, resource_id: str) -> dict[str, Any]:
        resource = self._wait(resource_id, lambda one: one is not None and _state(one) in ENDED, "to be ready")
        assert resource is not None, "it was waited for"
        if _state(resource) != "Succeeded":
            raise ServingError(f"Azure ML could not make {resource_id.rsplit('/', 1)[1]}: it is {_state(resource)}")
        return resource

    def _wait(
        self, resource_id: str, is_over: Callable[[dict[str, Any] | None], bool], what: str
    ) -> dict[str, Any] | None:
        end, pause = time.monotonic() + READY_SECONDS, self.polling.fastest
        name = resource_id.rsplit("/", 1)[1]
        while True:
            resource = self._client.find(resource_id)
            if is_over(resource):
                return resource
            if time.monotonic() > end:
                raise ServingError(f"{name} took more than {READY_SECONDS / 60:.0f} minutes {what}")
            if self.stop.wait(pause):
                raise ServingError("it was interrupted; the next `pulumi up` goes on with it")
            pause = min(pause * self.polling.growth, self.polling.running)

    def _failure(self, target: str) -> str:
        """Why a deployment did not get healthy, from the log of its server."""
        try:
            body = {"containerType": "InferenceServer", "tail": LOG_LINES}
            content = str(self._client.post(f"{target}/getLogs", body).get("content") or "")
        except AzureError as error:
            return f"Azure ML could not start it, and has no log: {error}"
        return server_log.failure(content) if content else "Azure ML could not start it, and has no log"


def _state(resource: Mapping[str, Any]) -> str:
    return str(resource["properties"].get("provisioningState") or "")
