"""Prepares what a job needs in the workspace before it starts: code, environment, identity and secrets."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from trainup.core import sizes
from trainup.core.choices import QueueTier
from trainup.core.clusters import SERVERLESS
from trainup.core.input_assets import IN_WORKSPACE
from trainup.core.input_values import IDENTITIES
from trainup.core.prices import Tier
from trainup.jobs import snapshot
from trainup.jobs.azure.http.blobs import below
from trainup.jobs.azure.http.client import AzureError, Read, Start
from trainup.jobs.azure.job.body import References
from trainup.jobs.azure.platform import code, environments, prices, uploads, vault
from trainup.jobs.azure.platform.workspace import DEFAULT_STORE, Compute, Workspace
from trainup.jobs.snapshot.tree_hash import TreeHashes, tree_hash
from trainup.jobs.target import Job, TargetError


@dataclass
class Submission:
    """Prepares jobs of one workspace. With `dry`, it writes nothing, and returns the ids that new items would get."""

    workspace: Workspace
    hashes: TreeHashes = field(default_factory=TreeHashes)
    progress: Callable[[str], None] = lambda text: None
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the operation is canceled; then the job is not started."""
    dry: bool = False

    def references(self, job: Job) -> References:
        """Prepare the resources that a job refers to. Raises SnapshotError, AzureError, TargetError."""
        with ThreadPoolExecutor(6) as pool:
            compute = pool.submit(self._compute, job)
            code_id = pool.submit(self._code, job)
            environment_id = pool.submit(self._environment, job)
            client_id = pool.submit(self._client_id, job, compute)
            secrets = pool.submit(self._secrets, job)
            data = pool.submit(self._data, job)
            node_price = pool.submit(self._node_price, job, compute)
            return References(
                workspace=self.workspace.id,
                environment_id=environment_id.result(),
                code_id=code_id.result(),
                compute_id=cluster_of(job, self.workspace.id),
                client_id=client_id.result(),
                secrets=secrets.result(),
                data=data.result(),
                vault_resource=self.workspace.client.endpoints.vault_audience,
                node_price=node_price.result(),
            )

    def _node_price(self, job: Job, found: Future[Compute | None]) -> float | None:
        """US dollars for a node and an hour, which `cost` counts with; None where nobody tells it. Raises nothing."""
        if job.spec.node_price is not None:
            return job.spec.node_price
        try:
            if compute := found.result():
                size, is_spot, location = compute.size, compute.spot, compute.location
            else:
                size = sizes.find_size(job.spec.size).sku if job.spec.size else ""
                is_spot, location = job.spec.queue_tier is QueueTier.SPOT, self.workspace.location
            subscription = self.workspace.id.split("/")[2]
            tier = Tier.SPOT if is_spot else Tier.DEDICATED
            return (
                prices.of_node(self.workspace.client, subscription, location, size, tier) if size and location else None
            )
        except (AzureError, ValueError):  # there is another message about it, or none is needed
            return None

    def reads(self, job: Job) -> list[Read]:
        """The first requests of `references` that are known in advance, to be prefetched."""
        cluster, tree = cluster_of(job, self.workspace.id), self.hashes.get(job.spec.snapshot or "")
        reads: list[Read] = [(cluster, {})] if cluster else []
        return [*reads, code.read(self.workspace.id, tree)] if tree else reads

    def starts(self, job: Job) -> list[Start]:
        """Changes of `references` that can be asked for before it is known that they are needed.

        Code that this machine has not seen in the workspace is most often new there: its upload starts while Azure is
        asked whether it is.
        """
        tree = self.hashes.get(job.spec.snapshot or "")
        if job.source is None or tree is None or self.hashes.is_known(self.workspace.id, tree):
            return []
        return [code.upload_start(code.code_id(self.workspace.id, tree))]

    def remove_checkpoints(self, run_id: str) -> None:
        """Delete the checkpoints of all attempts of a run. Raises AzureError."""
        container, _ = self.workspace.datastore(DEFAULT_STORE)
        blobs = self.workspace.blobs
        try:
            for blob in list(blobs.names(container, f"trainup/checkpoints/{run_id}/")):
                blobs.delete(below(container, blob.name))
        except AzureError as error:
            if error.status != 404:  # the container is created with its first blob
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

    def _data(self, job: Job) -> dict[str, str]:
        """Data input → its address in the workspace, for those that lie on this machine."""
        addresses = {}
        for name, item in job.data_inputs.items():
            if uploads.is_on_this_machine(item):
                asset = uploads.asset_of(self.workspace.id, item)
                addresses[name] = asset.address
                if not self.dry:
                    uploads.ensure(self.workspace, asset, self.progress, self.stop)
        return addresses

    def _environment(self, job: Job) -> str:
        if job.environment:
            return job.environment
        if not job.spec.image:
            raise TargetError(
                f"{job.run} has no image, and Azure ML starts nothing without one: give it `image`, or declare "
                "trainup:image"
            )
        if self.dry:
            return environments.environment_id(self.workspace.id, job.spec.image, job.spec.conda)
        return environments.ensure(self.workspace, job.spec.image, job.spec.conda)

    def _compute(self, job: Job) -> Compute | None:
        cluster = cluster_of(job, self.workspace.id)
        return self.workspace.compute(cluster) if cluster else None

    def _client_id(self, job: Job, found: Future[Compute | None]) -> str | None:
        """The client id of the run's identity, if known. Raises TargetError if its cluster is missing or differs."""
        client_id = job.identity if job.identity and job.identity not in IDENTITIES else None
        cluster = cluster_of(job, self.workspace.id)
        if cluster is None:
            return client_id
        compute = found.result()
        if compute is None:
            raise TargetError(
                f"there is no cluster {cluster}: run `pulumi up` for the whole stack, or name another one"
            )
        size = sizes.find_size(job.spec.size).sku if job.spec.size else None
        if size and compute.size and compute.size.lower() != size.lower():
            raise TargetError(
                f"{job.run} asks for nodes of {size}, and those of {compute.status.name} are {compute.size}: leave "
                "`size` out, or change trainup:cluster.size"
            )
        return client_id or compute.client_id

    def _secrets(self, job: Job) -> dict[str, str]:
        if not job.spec.secrets:
            return {}
        if self.dry:
            return vault.addresses(self.workspace, job.id, job.spec.secrets, job.owner)
        return vault.store(self.workspace, job.id, job.secrets, job.owner, self.progress, self.stop)


def cluster_of(job: Job, workspace: str) -> str | None:
    """The resource id of the job's cluster; None for serverless compute."""
    if job.cluster is None or job.cluster == SERVERLESS:
        return None
    if job.cluster.startswith(IN_WORKSPACE):
        return f"{workspace}/computes/{job.cluster.removeprefix(IN_WORKSPACE)}"
    return job.cluster
