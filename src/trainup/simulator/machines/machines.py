"""All clusters and jobs of an Azure, created and removed as their resources are."""

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.runs import Run
from trainup.simulator.machines.cluster import Cluster
from trainup.simulator.machines.environments import Environments
from trainup.simulator.machines.job import Job, Site
from trainup.simulator.machines.servers import Servers

COMPUTES = "microsoft.machinelearningservices/workspaces/computes"
JOBS = "microsoft.machinelearningservices/workspaces/jobs"
INHERITED = re.compile(r"PATH|LANG|LC_\w+|TMPDIR|TZ|OMP_NUM_THREADS|CUDA_\w+|NVIDIA_\w+|LD_LIBRARY_PATH")
"""Environment variables that jobs inherit from the simulator."""


class Machines:
    """Runs the jobs of an Azure. Safe to use from several threads."""

    def __init__(
        self,
        azure: Azure,
        folder: Path,
        environments: Path,
        authorities: Path,
        variables: Mapping[str, str] = os.environ,
    ) -> None:
        """`folder` is for jobs, `environments` for built environments; `authorities` has the CAs that jobs trust."""
        self.folder = folder
        """Parent of one folder per job, with its code, data and logs."""
        self._azure = azure
        self._lock = threading.Lock()
        self._clusters: dict[str, Cluster] = {}
        self._jobs: dict[str, Job] = {}
        base = {name: value for name, value in variables.items() if INHERITED.fullmatch(name)}
        base |= {name: str(authorities) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")}
        base["PYTHONUNBUFFERED"] = "1"
        base.setdefault("PATH", os.defpath)
        built = Environments(azure, environments, variables)
        self._site = Site(azure, built, folder, base, self._cluster_of)
        self._servers = Servers(azure, built, folder / "servers", base)
        azure.watchers.append(self._changed)
        azure.machines = self

    def cancel(self, job: str) -> None:
        """Cancel a job by its resource id, without waiting; an ended job is left unchanged."""
        if running := self._find(job):
            running.cancel()

    def evict(self, job: str) -> None:
        """Preempt the nodes of a running job, as happens with spot machines; it is queued and starts again."""
        if running := self._find(job):
            running.evict()

    def stall(self, job: str, status: str) -> None:
        """Give a job the status `NotResponding` or `Paused`; its command continues."""
        if running := self._find(job):
            running.stall(status)

    def wait(self, job: str, seconds: float = 60) -> Run:
        """Wait up to this many seconds for a job's end, and return its run. Raises TimeoutError, ValueError."""
        running = self._find(job)
        if running is None:
            raise ValueError(f"there is no job {job!r}")
        running.join(seconds)
        if running.is_alive():
            raise TimeoutError(f"the job {running.record.name!r} is still {running.record.status}")
        return running.record

    def nodes(self, cluster: str) -> list[dict[str, Any]]:
        """The nodes of a cluster as the service lists them."""
        with self._lock:
            compute = self._clusters.get(cluster.lower())
        return [
            {"nodeId": node.id, "nodeState": node.state, "privateIpAddress": f"10.0.0.{number + 4}", "port": 50000}
            | ({"runId": node.job} if node.job else {})
            for number, node in enumerate(compute.nodes() if compute else [])
        ]

    def cores(self, family: str) -> int:
        """Cores in use that count against the quota of a VM family, or of all spot machines."""
        with self._lock:
            clusters = list(self._clusters.values())
        return sum(cluster.cores_of(family) for cluster in clusters)

    def score(self, endpoint: Resource, deployment: str, body: bytes, kind: str) -> tuple[int, bytes, str]:
        """(status, body, content type) of the answer of an endpoint's server; an empty name follows the traffic."""
        return self._servers.score(endpoint, deployment, body, kind)

    def server_log(self, deployment: str, lines: int) -> str:
        """The last lines that the server of a deployment has printed."""
        return self._servers.log(deployment, lines)

    def stop(self) -> None:
        """Cancel all jobs, end all servers, and wait for their end."""
        self._servers.stop()
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        for job in jobs:
            job.join()

    def _find(self, job: str) -> Job | None:
        with self._lock:
            return self._jobs.get(job.lower())

    def _changed(self, method: str, resource: Resource) -> None:
        kind = resource["type"].lower()
        if kind == COMPUTES:
            self._compute_changed(method, resource)
        elif kind == JOBS and method == "PUT":
            self._start(resource)
        elif kind == JOBS:
            workspace, _, name = resource["id"].rpartition("/jobs/")
            self._azure.runs.remove(workspace, name)  # before its end, which must not be visible
            self.cancel(resource["id"])

    def _compute_changed(self, method: str, resource: Resource) -> None:
        if shape.get(resource, "properties.computeType") != "AmlCompute":
            return
        with self._lock:
            cluster = self._clusters.get(resource["id"].lower())
            if method == "DELETE":
                self._clusters.pop(resource["id"].lower(), None)
            elif cluster is None:
                self._clusters[resource["id"].lower()] = Cluster(self._azure, resource)
        if cluster and method == "DELETE":
            cluster.remove()
        elif cluster:
            cluster.update(resource)

    def _start(self, resource: Resource) -> None:
        key = resource["id"].lower()
        workspace, _, name = resource["id"].rpartition("/jobs/")
        with self._lock:
            if key in self._jobs and self._azure.runs.get(workspace, name):
                return
            run = Run(name, workspace, str(resource["properties"]["experimentName"]), resource["id"])
            job = self._jobs[key] = Job(self._site, resource, self._azure.runs.add(run))
        job.start()

    def _cluster_of(self, resource: Resource) -> Cluster:
        own = resource["properties"]
        key = str(own.get("computeId") or f"{resource['id']}/serverless").lower()
        with self._lock:
            if key not in self._clusters and own.get("computeId") is None:
                self._clusters[key] = Cluster(self._azure, _serverless(resource))
            cluster = self._clusters.get(key)
        if cluster is None:
            raise ValueError(f"the compute {own['computeId']} of the job is gone, or runs no jobs here")
        return cluster


def _serverless(resource: Resource) -> Resource:
    """The cluster resource of a serverless job, with the nodes that it requests."""
    own = resource["properties"]
    tier = shape.get(own, "queueSettings.jobTier")
    count = int(shape.get(own, "resources.instanceCount") or 1)
    settings = {
        "vmSize": shape.get(own, "resources.instanceType"),
        "vmPriority": "LowPriority" if tier == "Spot" else "Dedicated",
        "scaleSettings": {"maxNodeCount": count, "nodeIdleTimeBeforeScaleDown": "PT0S"},
    }
    return {"id": f"{resource['id']}/serverless", "properties": {"properties": settings}}
