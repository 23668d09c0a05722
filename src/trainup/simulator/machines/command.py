"""Prepares a job's command: replaces placeholders, sets variables, and lists one process per rank."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainup.simulator.cloud import shape

_PLACEHOLDER = re.compile(r"\$\{\{\s*(inputs|outputs)\.([\w.-]+)\s*\}\}")


@dataclass(frozen=True)
class Process:
    """One process of a job."""

    rank: int
    node: int
    log: str
    """Path of its log, relative to the run."""

    variables: Mapping[str, str]


def filled(command: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    """The command with `${{inputs.x}}` and `${{outputs.y}}` replaced by their values, without quoting."""
    values = {"inputs": inputs, "outputs": outputs}
    return _PLACEHOLDER.sub(lambda match: values[match[1]].get(match[2], match[0]), command)


def processes(properties: Mapping[str, Any], port: int) -> list[Process]:
    """The processes of a job, with the variables by which its distribution connects them. `port` is free."""
    nodes = int(shape.get(properties, "resources.instanceCount") or 1)
    kind = str(shape.get(properties, "distribution.distributionType") or "")
    if kind == "TensorFlow":
        return _tensorflow(properties, nodes, port)
    if kind not in ("PyTorch", "Mpi"):
        return [Process(0, 0, "user_logs/std_log.txt", {"AZUREML_NODE_COUNT": str(nodes)})]
    each = int(shape.get(properties, "distribution.processCountPerInstance") or 1)
    processes = []
    for rank in range(nodes * each):
        node, local = divmod(rank, each)
        numbers = {"AZUREML_NODE_COUNT": nodes, "NODE_RANK": node}
        if kind == "PyTorch":
            numbers |= {"RANK": rank, "LOCAL_RANK": local, "WORLD_SIZE": nodes * each, "LOCAL_WORLD_SIZE": each}
            numbers |= {"MASTER_PORT": port}
            names: dict[str, str] = {"MASTER_ADDR": "127.0.0.1"}
        else:
            numbers |= {"OMPI_COMM_WORLD_RANK": rank, "OMPI_COMM_WORLD_LOCAL_RANK": local}
            numbers |= {"OMPI_COMM_WORLD_SIZE": nodes * each, "OMPI_COMM_WORLD_LOCAL_SIZE": each}
            names = {"AZ_BATCH_MASTER_NODE": f"127.0.0.1:{port}", "AZ_BATCHAI_MPI_MASTER_NODE": "127.0.0.1"}
        variables = {name: str(value) for name, value in numbers.items()} | names
        log = "std_log.txt" if nodes * each == 1 else f"std_log_process_{rank:02d}.txt"
        processes.append(Process(rank, node, f"user_logs/{log}", variables))
    return processes


def _tensorflow(properties: Mapping[str, Any], nodes: int, port: int) -> list[Process]:
    workers = int(shape.get(properties, "distribution.workerCount") or nodes)
    servers = int(shape.get(properties, "distribution.parameterServerCount") or 0)
    addresses = [f"127.0.0.1:{port + offset}" for offset in range(workers + servers)]
    cluster = {"worker": addresses[:workers]} | ({"ps": addresses[workers:]} if servers else {})
    processes = []
    for rank in range(workers + servers):
        role, index = ("worker", rank) if rank < workers else ("ps", rank - workers)
        config = json.dumps({"cluster": cluster, "task": {"type": role, "index": index}, "environment": "cloud"})
        end = "_ps" if role == "ps" else ""
        log = f"user_logs/std_log_process_{index:02d}{end}.txt"
        processes.append(Process(rank, rank % nodes, log, {"TF_CONFIG": config, "AZUREML_NODE_COUNT": str(nodes)}))
    return processes
