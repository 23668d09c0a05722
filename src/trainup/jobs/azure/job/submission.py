"""Everything that has to be in the workspace before a job can start, made or found."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from trainup.core import sizes
from trainup.core.azure_inputs import IN_WORKSPACE
from trainup.core.clusters import SERVERLESS
from trainup.core.input_values import IDENTITIES
from trainup.jobs import snapshot
from trainup.jobs.azure.http.blobs import below
from trainup.jobs.azure.http.client import AzureError, Read
from trainup.jobs.azure.job.body import Place
from trainup.jobs.azure.platform import code, environments, vault
from trainup.jobs.azure.platform.workspace import DEFAULT_STORE, Workspace
from trainup.jobs.snapshot.tree_hash import TreeHashes, tree_hash
from trainup.jobs.target import Job, TargetError


@dataclass
class Submission:
    """Prepares jobs of one workspace. With `dry`, nothing is written: what is missing gets the id it would have."""

    workspace: Workspace
    hashes: TreeHashes = field(default_factory=TreeHashes)
    progress: Callable[[str], None] = lambda text: None
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the job any more: then it is not started either."""
    dry: bool = False

    def place(self, job: Job) -> Place:
        """What the job's request refers to. Raises SnapshotError, AzureError, TargetError."""
        with ThreadPoolExecutor(4) as pool:
            code_id = pool.submit(self._code, job)
            environment_id = pool.submit(self._environment, job)
            client_id = pool.submit(self._client_id, job)
            secrets = pool.submit(self._secrets, job)
            return Place(
                workspace=self.workspace.id,
                environment_id=environment_id.result(),
                code_id=code_id.result(),
                compute_id=cluster_of(job, self.workspace.id),
                client_id=client_id.result(),
                secrets=secrets.result(),
                vault_resource=self.workspace.client.endpoints.vault_audience,
            )

    def reads(self, job: Job) -> list[Read]:
        """What `place` begins with, as far as it is known already."""
        cluster, tree = cluster_of(job, self.workspace.id), self.hashes.get(job.spec.snapshot or "")
        reads: list[Read] = [(cluster, {})] if cluster else []
        return [*reads, code.read(self.workspace.id, tree)] if tree else reads

    def remove_checkpoints(self, identity: str) -> None:
        """Delete what the attempts of a run kept to resume from."""
        container, _ = self.workspace.datastore(DEFAULT_STORE)
        blobs = self.workspace.blobs
        try:
            for blob in list(blobs.names(container, f"trainup/checkpoints/{identity}/")):
                blobs.delete(below(container, blob.name))
        except AzureError as error:
            if error.status != 404:  # the container is made when something is first put there
                raise

    def _code(self, job: Job) -> str | None:
        if job.source is None:
            return None
        client, workspace, digest = self.workspace.client, self.workspace.id, job.spec.snapshot or ""
        if self.dry:
            tree = self.hashes.get(digest) or tree_hash(snapshot.files(job.source))[0]
            return code.find(client, workspace, tree) or code.code_id(workspace, tree)
        return code.ensure(
            self.workspace,
            job.source,
            digest=digest,
            manifest=job.manifest,
            hashes=self.hashes,
            progress=self.progress,
            stop=self.stop,
        )

    def _environment(self, job: Job) -> str:
        if job.environment:
            return job.environment
        if not job.spec.image:
            raise TargetError(
                f"{job.run} has no image, and Azure ML starts nothing without one: give it `image`, or declare "
                "trainup:image"
            )
        if self.dry:
            return environments.environment_id(self.workspace.id, job.spec.image)
        return environments.ensure(self.workspace, job.spec.image)

    def _client_id(self, job: Job) -> str | None:
        """The client id of the identity that the run will have; also looks whether its cluster is as it says."""
        given = job.identity if job.identity and job.identity not in IDENTITIES else None
        cluster = cluster_of(job, self.workspace.id)
        if cluster is None:
            return given
        compute = self.workspace.compute(cluster)
        if compute is None:
            raise TargetError(
                f"there is no cluster {cluster}: run `pulumi up` for the whole stack, or name another one"
            )
        wanted = sizes.find_size(job.spec.size).sku if job.spec.size else None
        if wanted and compute.size and compute.size.lower() != wanted.lower():
            raise TargetError(
                f"{job.run} asks for nodes of {wanted}, and those of {compute.status.name} are {compute.size}: leave "
                "`size` out, or change trainup:cluster.size"
            )
        return given or compute.client_id

    def _secrets(self, job: Job) -> dict[str, str]:
        if not job.spec.secrets:
            return {}
        if self.dry:
            return vault.addresses(self.workspace, job.id, job.spec.secrets, job.owner)
        return vault.store(self.workspace, job.id, job.secrets, job.owner, self.progress, self.stop)


def cluster_of(job: Job, workspace: str) -> str | None:
    """The ARM id of the cluster; None where Azure ML finds a node itself."""
    if job.cluster is None or job.cluster == SERVERLESS:
        return None
    if job.cluster.startswith(IN_WORKSPACE):
        return f"{workspace}/computes/{job.cluster.removeprefix(IN_WORKSPACE)}"
    return job.cluster
