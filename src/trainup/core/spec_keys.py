"""The keys of a run that go into its spec unchanged; `core/run_keys.py` has the others, and says how to add one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core import input_values as kinds
from trainup.core import schedules
from trainup.core.choices import OnDelete, OnFailure, OnInterrupt, OnPreemption, QueueTier
from trainup.core.declaration import Role, key

MAX_NODES = 1000
MAX_RETRIES = 20


@dataclass(frozen=True, kw_only=True)
class SpecKeys:
    """The keys that go into the spec of a run unchanged."""

    image: str | None = key(
        Role.IDENTITY,
        kinds.filled,
        None,
        "Image reference by digest. Defaults to the interpreter that trainup runs on; on Azure there is no default.",
        local="the environment that uv built",
        azure="the container of the nodes",
        in_stack=False,
    )
    environment_variables: Mapping[str, str] = key(
        Role.IDENTITY,
        kinds.plain_variables,
        {},
        "Environment variables of the command; part of the run's identity. Defaults to none.",
        local="set for the command",
        azure="set for the command",
        in_job_file=True,
    )
    after: Mapping[str, str] = key(
        Role.IDENTITY,
        kinds.upstream,
        {},
        "Upstream runs: name → their `digest`; they complete first, a change there trains again. Defaults to none.",
        local="completes first",
        azure="completes first",
    )
    distribution: Mapping[str, Any] = key(
        Role.IDENTITY,
        kinds.distribution,
        {},
        "`type` (`pytorch`; on Azure also `mpi` and `tensorflow`) and `process_count_per_node`, or `worker_count` and "
        "`parameter_server_count`. Defaults to one process per node.",
        local="processes of `torchrun`",
        azure="PyTorch, MPI or TensorFlow",
        in_job_file=True,
    )
    nodes: int = key(
        Role.IDENTITY,
        kinds.Whole(1, MAX_NODES, "a run has at least one node"),
        1,
        "How many nodes work together. Defaults to 1.",
        local="slots of the pool",
        azure="instances of the job",
        in_job_file=True,
    )
    size: str | None = key(
        Role.IDENTITY,
        kinds.filled,
        None,
        "Size of the nodes, by name. Defaults to the cluster's.",
        local="",
        azure="instance type, where there is no cluster",
    )
    shm_size: str | None = key(
        Role.POLICY,
        kinds.shm_size,
        None,
        "Shared memory of a node on Azure, such as `64g`. Defaults to `16g`, enough for the workers of a data loader.",
        local="",
        azure="shared memory of the container",
        in_job_file=True,
    )
    docker_args: str | None = key(
        Role.POLICY,
        kinds.filled,
        None,
        "Further options that Docker starts the container with on Azure, such as `--ulimit memlock=-1`. Defaults to "
        "none.",
        local="",
        azure="options of `docker run`",
        in_job_file=True,
    )
    queue_tier: QueueTier | None = key(
        Role.POLICY,
        kinds.Choice(QueueTier),
        None,
        "Without a cluster: `spot`, `basic`, `standard` or `premium`. Defaults to what Azure ML takes.",
        local="",
        azure="the tier of a job without a cluster",
        in_job_file=True,
    )
    node_price: float | None = key(
        Role.POLICY,
        kinds.price,
        None,
        "US dollars for a node and an hour, which `cost` counts with. Defaults to what Azure ML tells.",
        local="",
        azure="what `cost` counts with",
    )
    rerun: str | None = key(
        Role.IDENTITY,
        kinds.text,
        None,
        "Anything new here trains again on purpose. Defaults to nothing.",
        local="counts in the digest",
        azure="counts in the digest",
    )
    display_name: str | None = key(
        Role.POLICY,
        kinds.text,
        None,
        "Name of the run in MLflow. Defaults to the target's own name for it.",
        local="name of the MLflow run",
        azure="display name of the job",
        in_job_file=True,
    )
    description: str | None = key(
        Role.POLICY,
        kinds.text,
        None,
        "What the run is for. Defaults to nothing.",
        local="note of the MLflow run",
        azure="description of the job",
        in_job_file=True,
    )
    experiment_name: str | None = key(
        Role.POLICY,
        kinds.filled,
        None,
        "MLflow experiment. Defaults to `trainup`.",
        local="experiment of the MLflow run",
        azure="experiment of the job",
        in_job_file=True,
    )
    tags: Mapping[str, str] = key(
        Role.POLICY,
        kinds.tags,
        {},
        "Tags of the MLflow run. Defaults to none.",
        local="tags of the MLflow run",
        azure="tags of the job",
        in_job_file=True,
    )
    timeout: float | None = key(
        Role.POLICY,
        kinds.duration,
        None,
        "How long the command may run: `90s`, `30m`, `2h`, `1d`. Defaults to no limit.",
        local="its supervisor stops it",
        azure="limit of the job",
        in_job_file=True,
    )
    queue_timeout: float | None = key(
        Role.POLICY,
        kinds.duration,
        None,
        "How long it may wait for nodes before it is given up. Defaults to no limit.",
        local="gives up waiting for slots",
        azure="gives up waiting for nodes",
    )
    retries: int = key(
        Role.POLICY,
        kinds.Whole(0, MAX_RETRIES, "how often a failed run is tried again"),
        0,
        "How often a failed run is tried again within one `up`. Defaults to 0.",
        local="further attempts",
        azure="further jobs",
    )
    schedule: Mapping[str, str] = key(
        Role.POLICY,
        schedules.parse,
        {},
        "When it trains again with the same inputs: a cron expression, or `expression`, `time_zone`, `start_time` and "
        "`end_time`. Defaults to never.",
        local="the next `up` starts it",
        azure="Azure ML starts it, and `up` takes it over",
    )
    wait: bool = key(
        Role.POLICY,
        kinds.flag,
        True,
        "Whether `up` waits for the end. Defaults to true.",
        local="`up` waits",
        azure="`up` waits",
    )
    on_failure: OnFailure = key(
        Role.POLICY,
        kinds.Choice(OnFailure),
        OnFailure.FAIL,
        "`fail`: a failed run fails `up`; `keep`: it is data, and `status` tells. Defaults to `fail`.",
        local="`up` fails, or goes on",
        azure="`up` fails, or goes on",
    )
    on_interrupt: OnInterrupt = key(
        Role.POLICY,
        kinds.Choice(OnInterrupt),
        OnInterrupt.DETACH,
        "`detach`: Ctrl-C leaves the run alone, the next `up` attaches; `cancel`: it stops it. Defaults to `detach`.",
        local="the run goes on, or is stopped",
        azure="the job goes on, or is canceled",
    )
    on_preemption: OnPreemption = key(
        Role.POLICY,
        kinds.Choice(OnPreemption),
        OnPreemption.RESUME,
        "`resume`: after its node was taken away, another attempt goes on from the last checkpoint; `fail`. Defaults "
        "to `resume`.",
        local="",
        azure="another job after one that lost its node",
    )
    on_delete: OnDelete = key(
        Role.POLICY,
        kinds.Choice(OnDelete),
        OnDelete.KEEP,
        "What becomes of the record: `keep`, `archive` or `delete`. Defaults to `keep`.",
        local="the folder stays, is archived or goes",
        azure="the job stays, is archived or goes",
    )
