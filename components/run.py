"""The training run, on every target."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, TypeGuard

import pulumi

from trainup.components import arguments
from trainup.components.resources import Run
from trainup.core.input_values import text
from trainup.core.naming import run_id
from trainup.core.run_keys import KEYS


class TrainingRunArgs(TypedDict):
    """What to run, where, and what to do when it ends one way or another."""

    target: str
    """Where it runs: `local` or `azure`."""

    workspace_id: pulumi.Input[str]
    """The workspace that keeps the run's record."""

    run_name: NotRequired[str | None]
    """Name of the run: lower-case letters, digits and dashes. Defaults to the resource's name."""

    cluster_id: NotRequired[pulumi.Input[str] | None]
    """The cluster it runs on. Defaults to one slot of its own."""

    image: NotRequired[pulumi.Input[str] | None]
    """Image reference by digest. Defaults to the interpreter that trainup runs on; on Azure there is no default."""

    environment_id: NotRequired[pulumi.Input[str] | None]
    """ARM id of the environment that the image is registered as. Defaults to one that is made for the image."""

    cloud: NotRequired[str | None]
    """Which Azure: `public`, `usgovernment`, `china`, or the host that describes another. Defaults to what
    the variables of azure-native say, or `public`."""

    job: NotRequired[str | None]
    """Job file of Azure ML's CLI v2, relative to the folder of Pulumi.yaml, that says what runs. Defaults to none."""

    source: NotRequired[str | None]
    """Folder with the code, relative to the folder of Pulumi.yaml; the files in it are part of the run's identity."""

    script: NotRequired[pulumi.Input[str] | None]
    """Python script in the source folder. Either this or `command`."""

    arguments: NotRequired[pulumi.Input[list[pulumi.Input[str]]] | None]
    """Arguments of the script, one item per word. Defaults to none."""

    command: NotRequired[pulumi.Input[list[pulumi.Input[str]]] | None]
    """Program and arguments, for anything but a Python script."""

    score: NotRequired[pulumi.Input[str] | None]
    """In place of `script`: an entry script with `init()` and `run()`, as endpoints have it, scores the records of
    the input `data`, perhaps with the input `model`. Defaults to none."""

    environment_variables: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]] | None]
    """Environment variables of the command; part of the run's identity. Defaults to none."""

    secrets: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]] | None]
    """Environment variables with secret values; only their names are part of the identity. Defaults to none."""

    inputs: NotRequired[pulumi.Input[dict[str, pulumi.Input[dict[str, pulumi.Input[str]]]]] | None]
    """Data inputs: name → `uri`, `digest`, and where wanted `path`, `type` and `mode`; or a literal `value`. A command
    uses them as `${{inputs.name}}`. Defaults to none."""

    outputs: NotRequired[pulumi.Input[dict[str, pulumi.Input[dict[str, pulumi.Input[str]]]]] | None]
    """Named outputs: name → `mode`, `uri` and `type`, all optional; a command uses them as `${{outputs.name}}`. On this
    machine they are folders among the run's outputs. Defaults to those that the command names."""

    after: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]] | None]
    """Upstream runs: name → their `digest`; they complete first, a change there trains again. Defaults to none."""

    distribution: NotRequired[pulumi.Input[dict[str, Any]] | None]
    """`type` (`pytorch`; on Azure also `mpi` and `tensorflow`) and `process_count_per_node`, or `worker_count` and
    `parameter_server_count`. Defaults to one process per node."""

    nodes: NotRequired[pulumi.Input[int] | None]
    """How many nodes work together. Defaults to 1."""

    size: NotRequired[pulumi.Input[str] | None]
    """Size of the nodes, by name. Defaults to the cluster's."""

    shm_size: NotRequired[pulumi.Input[str] | None]
    """Shared memory of a node on Azure, such as `64g`. Defaults to `16g`, enough for the workers of a data loader."""

    docker_args: NotRequired[pulumi.Input[str] | None]
    """Further options that Docker starts the container with on Azure, such as `--ulimit memlock=-1`. Defaults to
    none."""

    identity: NotRequired[pulumi.Input[str] | None]
    """Who the run is on Azure: a client id, `cluster`, `user` or `token`. Defaults to the cluster's own identity."""

    queue_tier: NotRequired[pulumi.Input[str] | None]
    """Without a cluster: `spot`, `basic`, `standard` or `premium`. Defaults to what Azure ML takes."""

    node_price: NotRequired[pulumi.Input[float] | None]
    """US dollars for a node and an hour, which `cost` counts with. Defaults to what Azure ML tells."""

    rerun: NotRequired[pulumi.Input[str] | None]
    """Anything new here trains again on purpose. Defaults to nothing."""

    allow_secrets: NotRequired[list[str] | None]
    """Files (`path` or `path:line`) of the source that only look as if they held a secret. Defaults to none."""

    display_name: NotRequired[pulumi.Input[str] | None]
    """Name of the run in MLflow. Defaults to the target's own name for it."""

    description: NotRequired[pulumi.Input[str] | None]
    """What the run is for. Defaults to nothing."""

    experiment_name: NotRequired[pulumi.Input[str] | None]
    """MLflow experiment. Defaults to `trainup`."""

    tags: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]] | None]
    """Tags of the MLflow run. Defaults to none."""

    timeout: NotRequired[pulumi.Input[str] | None]
    """How long the command may run: `90s`, `30m`, `2h`, `1d`. Defaults to no limit."""

    queue_timeout: NotRequired[pulumi.Input[str] | None]
    """How long it may wait for nodes before it is given up. Defaults to no limit."""

    retries: NotRequired[pulumi.Input[int] | None]
    """How often a failed run is tried again within one `up`. Defaults to 0."""

    schedule: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]] | None]
    """When it trains again with the same inputs: a cron expression, or `expression`, `time_zone`, `start_time` and
    `end_time`. Defaults to never."""

    wait: NotRequired[pulumi.Input[bool] | None]
    """Whether `up` waits for the end. Defaults to true."""

    on_failure: NotRequired[pulumi.Input[str] | None]
    """`fail`: a failed run fails `up`; `keep`: it is data, and `status` tells. Defaults to `fail`."""

    on_interrupt: NotRequired[pulumi.Input[str] | None]
    """`detach`: Ctrl-C leaves the run alone, the next `up` attaches; `cancel`: it stops it. Defaults to `detach`."""

    on_preemption: NotRequired[pulumi.Input[str] | None]
    """`resume`: after its node was taken away, another attempt goes on from the last checkpoint; `fail`. Defaults to
    `resume`."""

    on_delete: NotRequired[pulumi.Input[str] | None]
    """What becomes of the record: `keep`, `archive` or `delete`. Defaults to `keep`."""


def are_of_a_run(args: Mapping[str, Any]) -> TypeGuard[TrainingRunArgs]:
    """Whether these are valid arguments of a run; for arguments that no type checker could check."""
    return not arguments.problems_of(args, TrainingRunArgs)


FREE_TEXTS = [key.argument for key in KEYS.values() if key.parse is text]
"""Arguments whose text may be empty."""


def inputs_of(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of the resource of a run, or of a sweep, with these arguments."""
    inputs = {name: args.get(key.argument) for name, key in KEYS.items()}
    return {"run": name, **{key: value for key, value in inputs.items() if value is not None}}


class TrainingRun(pulumi.ComponentResource):
    """One training run, trained once for its inputs and waited for; metrics are outputs.

    | Argument | Another value | On this machine | On Azure |
    |---|---|---|---|
    | `run_name` | another run | names its folders | names its jobs |
    | `target` | another run | processes of this machine | jobs of Azure ML |
    | `workspace_id` | another run | a folder | an Azure ML workspace |
    | `cluster_id` | changed in place | whose slots it takes | where it runs; without one, Azure ML finds a node |
    | `environment_id` | changed in place | nothing | the environment of the job |
    | `cloud` | changed in place | nothing | which Azure is asked |
    | `job` | trains again | is read, but for what is Azure's own | is read, and its command sent as it is |
    | `source` | trains again | copied into the run's folder | uploaded, once for each content |
    | `script` | trains again | run by `python`, or by `torchrun` as several processes | run by `python` on every node |
    | `arguments` | trains again | follow the script | follow the script |
    | `command` | trains again | run without a shell | quoted for bash, which runs it |
    | `score` | trains again | called for each record | called for each record |
    | `secrets` | trains again | handed to the process | kept in the key vault, and fetched by the node |
    | `inputs` | trains again | used where they lie | mounted, downloaded or handed over as addresses |
    | `outputs` | trains again | folders among the run's outputs | folders of the workspace's datastore, or at `uri` |
    | `identity` | changed in place | nothing | the identity of the job |
    | `allow_secrets` | changed in place | let the preview pass | let the preview pass |
    | `image` | trains again | the environment that uv built | the container of the nodes |
    | `environment_variables` | trains again | set for the command | set for the command |
    | `after` | trains again | completes first | completes first |
    | `distribution` | trains again | processes of `torchrun` | PyTorch, MPI or TensorFlow |
    | `nodes` | trains again | slots of the pool | instances of the job |
    | `size` | trains again | nothing | instance type, where there is no cluster |
    | `shm_size` | changed in place | nothing | shared memory of the container |
    | `docker_args` | changed in place | nothing | options of `docker run` |
    | `queue_tier` | changed in place | nothing | the tier of a job without a cluster |
    | `node_price` | changed in place | nothing | what `cost` counts with |
    | `rerun` | trains again | counts in the digest | counts in the digest |
    | `display_name` | changed in place | name of the MLflow run | display name of the job |
    | `description` | changed in place | note of the MLflow run | description of the job |
    | `experiment_name` | changed in place | experiment of the MLflow run | experiment of the job |
    | `tags` | changed in place | tags of the MLflow run | tags of the job |
    | `timeout` | changed in place | its supervisor stops it | limit of the job |
    | `queue_timeout` | changed in place | gives up waiting for slots | gives up waiting for nodes |
    | `retries` | changed in place | further attempts | further jobs |
    | `schedule` | changed in place | the next `up` starts it | Azure ML starts it, and `up` takes it over |
    | `wait` | changed in place | `up` waits | `up` waits |
    | `on_failure` | changed in place | `up` fails, or goes on | `up` fails, or goes on |
    | `on_interrupt` | changed in place | the run goes on, or is stopped | the job goes on, or is canceled |
    | `on_preemption` | changed in place | nothing | another job after one that lost its node |
    | `on_delete` | changed in place | the folder stays, is archived or goes | the job stays, is archived or goes |
    """

    digest: pulumi.Output[str]
    """What the run is: SHA-256 over everything that decides its result."""

    name: pulumi.Output[str]
    """The target's own name of the last attempt."""

    status: pulumi.Output[str]
    """Queued, Preparing, Running, Finalizing, Completed, Failed, Canceled, TimedOut or NotResponding."""

    metrics: pulumi.Output[dict[str, float]]
    """Metric → last value."""

    best: pulumi.Output[dict[str, float]]
    """Metric → best value: the lowest of a loss or an error, the highest of anything else."""

    duration_seconds: pulumi.Output[float]
    """Seconds from the start of preparation to the end."""

    attempts: pulumi.Output[int]
    """How many times it was started."""

    phases: pulumi.Output[dict[str, float]]
    """`queued`, `preparing`, `running`, `finalizing` → seconds."""

    outputs_uri: pulumi.Output[str]
    """Where the files lie that the run left behind."""

    log_uri: pulumi.Output[str]
    """Where the log lies."""

    web_url: pulumi.Output[str]
    """The run's page."""

    cost: pulumi.Output[float]
    """US dollars: nodes times the time they worked times `node_price`, or Azure's price; nothing on this machine."""

    def __init__(self, name: str, args: TrainingRunArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trainup:index:TrainingRun", name, {}, opts)
        arguments.check(self, args, TrainingRunArgs, may_be_empty=FREE_TEXTS)
        run = Run(f"{name}-job", inputs_of(name, args), opts=pulumi.ResourceOptions(parent=self))

        self._run_name, self._has_schedule = str(args.get("run_name") or name), args.get("schedule") is not None
        self.digest = run.digest
        self.name = run.name
        self.status = run.status
        self.metrics = run.metrics
        self.best = run.best
        self.duration_seconds = run.duration_seconds
        self.attempts = run.attempts
        self.phases = run.phases
        self.outputs_uri = run.outputs_uri
        self.log_uri = run.log_uri
        self.web_url = run.web_url
        self.cost = run.cost
        # The others are in the state already, as those of `Run`: twice, they cost each `up` a fifth of a finished run.
        self.register_outputs({"status": run.status})

    @property
    def result_digest(self) -> pulumi.Output[str]:
        """What runs after this one depend on: its digest, and with a schedule also which attempt the result is of."""
        if not self._has_schedule:
            return self.digest
        first = pulumi.Output.all(self.digest, self.name)
        return first.apply(
            lambda known: known[0] if known[1] == run_id(self._run_name, known[0]) else f"{known[0]}:{known[1]}"
        )
