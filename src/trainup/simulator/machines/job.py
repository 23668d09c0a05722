"""Runs one job, from the queue to its end, in a thread of its own."""

import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trainup.core import network
from trainup.core.duration import iso_seconds
from trainup.simulator.cloud import shape
from trainup.simulator.cloud.azure import Azure, Resource
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.runs import Run
from trainup.simulator.machines import command, images, variables
from trainup.simulator.machines.cluster import Canceled, Cluster, Node
from trainup.simulator.machines.data import Data
from trainup.simulator.machines.environments import Environments
from trainup.simulator.machines.errors import Failed, TimedOut, of_exit
from trainup.simulator.machines.identity import check_identity, identities
from trainup.simulator.machines.ports import free_port
from trainup.simulator.machines.processes import Group, Start, wait_for_lines

TYPE = "Microsoft.MachineLearningServices/workspaces/jobs"
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Site:
    """What all jobs share."""

    azure: Azure
    environments: Environments
    folder: Path
    """Parent folder of the jobs' folders."""

    base: Mapping[str, str]
    """Environment variables of every process."""

    cluster: Callable[[Resource], Cluster]
    """Function that returns the cluster of a job; a serverless job gets a cluster of its own."""


class Job(threading.Thread):
    """Runs one job to its end."""

    def __init__(self, site: Site, resource: Resource, run: Run) -> None:
        super().__init__(name=f"job-{run.name}", daemon=True)
        self.record = run
        self._site, self._azure = site, site.azure
        self._id: str = resource["id"]
        self._resource = resource
        self._own: dict[str, Any] = resource["properties"]
        self._folder = site.folder / run.name
        self._data = Data(site.azure, self._id, self._own, self._folder)
        self._secret = secrets.token_hex(16)
        self._canceled, self._evicted, self._over = threading.Event(), threading.Event(), threading.Event()

    def cancel(self) -> None:
        """Cancel the job in any status."""
        if not self.record.is_over:
            self._move("CancelRequested")
            self._canceled.set()

    def evict(self) -> None:
        """Preempt its nodes, if it has any."""
        self._evicted.set()

    def stall(self, status: str) -> None:
        """Set the status to `NotResponding` or `Paused`."""
        self._move(status)

    def run(self) -> None:
        """The thread's function; in every case the run ends with a final status."""
        try:
            self._build_image()
            while self._is_evicted_from_nodes():
                pass
            self._end("Completed")
        except Canceled:
            self._end("Canceled")
        except TimedOut as failed:
            self._end("Canceled", failed)
        except Failed as failed:
            self._end("Failed", failed)
        except Refused as refused:
            self._end("Failed", Failed(refused.message, code=refused.code))
        except Exception as error:
            self._end("Failed", Failed(f"{type(error).__name__}: {error}", code="SystemError"))
            raise
        finally:
            self._over.set()
            self._azure.node_identities.pop(self._secret, None)

    def _build_image(self) -> None:
        environment = images.environment_of(self._azure, self._own)
        fault = self._azure.faults.take("BUILD", images.ENVIRONMENT, images.name_of(environment))
        if not fault and not images.needs_build(environment):
            return
        self._move("Preparing")
        log = self._folder / "image_build.txt"
        self._data.publish(images.BUILD_LOG, log)
        self._wait(self._azure.latency.image_build)
        refused = fault.error.message if fault and fault.error else None
        images.build(self._site.environments, environment, log, refused)

    def _is_evicted_from_nodes(self) -> bool:
        """Run the command on nodes to its end; returns True if the nodes were preempted."""
        self._move("Queued")
        cluster = self._site.cluster(self._resource)
        count = int(shape.get(self._own, "resources.instanceCount") or 1)
        nodes = cluster.acquire(self.record.name, count, self._canceled)
        self._evicted.clear()
        evicted = False
        try:
            self._move("Preparing")
            starts = self._prepare(nodes, cluster)
            cluster.start(nodes)
            self._move("Running")
            self.record.starts += 1
            evicted = self._work(starts)
            if not evicted:
                self._move("Finalizing")
                self._azure.clock.wait(self._azure.latency.finalizing)
            return evicted
        finally:
            self._data.collect()
            if evicted:
                cluster.lose(nodes)
            else:
                cluster.release(nodes)

    def _prepare(self, nodes: list[Node], cluster: Cluster) -> list[Start]:
        """Copy image, code and inputs to the nodes; returns what each process is started with."""
        environment = images.environment_of(self._azure, self._own)
        image = str(environment["properties"].get("image") or environment["id"])
        is_pulled = all(image in node.images for node in nodes)
        latency, allowed = self._azure.latency, identities(self._azure, self._own, cluster.id)
        self._wait(latency.start)
        check_identity(self._azure, self._data.workspace, cluster.id, allowed.values())
        self._wait(0 if is_pulled else max(0, latency.image_pull - latency.start))
        log = self._folder / "image.txt"
        programs = images.pull(self._azure, self._site.environments, environment, cluster.id, log)
        for node in nodes:
            node.images.add(image)
        self._azure.node_identities[self._secret] = allowed
        inputs, outputs = self._data.inputs(allowed.values()), self._data.outputs()
        text = command.filled(str(self._own["command"]), inputs, outputs)
        base = self._variables(programs, inputs, outputs)
        folders = [self._data.code(node) for node in range(len(nodes))]
        starts = []
        for process in command.processes(self._own, free_port()):
            log = self._folder / "logs" / str(self.record.starts) / Path(process.log).name
            self._data.publish(process.log, log)
            folder = folders[process.node]
            # Shells take their folder from PWD; the system would resolve links in its path.
            starts.append(Start(text, folder, log, {**base, **process.variables, "PWD": str(folder)}))
        return starts

    def _variables(self, programs: Path, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, str]:
        home = self._folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        own = self._own.get("environmentVariables") or {}
        data = (
            name
            for name, job_input in (self._own.get("inputs") or {}).items()
            if job_input["jobInputType"] != "literal"
        )
        environment = {
            **self._site.base,
            "HOME": str(home),
            "PATH": f"{programs}{os.pathsep}{self._site.base['PATH']}",
            **variables.of_run(self._azure, self._data.workspace, self.record),
            **variables.of_identity(self._azure, self._secret),
            **{f"AZURE_ML_INPUT_{name}": inputs[name] for name in data},
            **{f"AZURE_ML_OUTPUT_{name}": value for name, value in outputs.items()},
            **{name: self._as_variable(str(value)) for name, value in own.items()},
        }
        return environment | network.direct(environment)

    def _as_variable(self, value: str) -> str:
        return value.partition("\n")[0] if self._azure.possible.cuts_variables else value

    def _work(self, starts: list[Start]) -> bool:
        """Run the processes to their end; returns True if the nodes were preempted."""
        limit = iso_seconds(shape.get(self._own, "limits.timeout"))
        ends = float("inf") if limit is None else time.monotonic() + limit
        self._schedule_eviction(starts[0].log)
        group = Group(starts)
        try:
            while not group.ended.wait(POLL_SECONDS):
                if self._canceled.is_set():
                    raise Canceled
                if self._evicted.is_set():
                    return True
                if time.monotonic() > ends:
                    raise TimedOut(f"The job was canceled because it ran for longer than its timeout of {limit}.")
        finally:
            group.stop()
        if group.code:
            raise of_exit(str(self._own["command"]), group.code, starts[0].log)
        return False

    def _schedule_eviction(self, log: Path) -> None:
        fault = self._azure.faults.take("RUN", TYPE, self.record.name)
        if fault is None:
            return

        def strike() -> None:
            wait_for_lines(log, fault.line, self._over)
            self.evict()

        threading.Thread(target=strike, daemon=True).start()

    def _wait(self, seconds: float) -> None:
        if self._azure.clock.wait(seconds, self._canceled):
            raise Canceled

    def _move(self, status: str) -> None:
        with self.record.lock:  # `cancel` runs in another thread, and the job must show the run's status
            self.record.move(status)
            changes: dict[str, Any] = {"properties.status": self.record.status}
            if status == "Running":
                changes["properties.properties.StartTimeUtc"] = _now()
            if self.record.is_over:
                changes["properties.properties.EndTimeUtc"] = _now()
            self._azure.amend(self._id, changes)

    def _end(self, status: str, failed: Failed | None = None) -> None:
        if self._canceled.is_set():  # errors during the cancellation do not count
            status, failed = "Canceled", None
        self.record.error = failed.error if failed else None
        self._move(status)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
