"""Every key of a run, declared once: those in the spec in `core/spec_keys.py`, the others here.

To add one, declare it and make use of it in a target. `TrainingRunArgs` repeats it, since type checkers and Pulumi read
that class, and so do the tables in `TrainingRun` and README.md: `tests/unit/infra/test_run_keys.py` says what to write
there. Identity needs a default, which digests leave out: so nobody trains again for a new key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core import input_assets as assets
from trainup.core import input_values as kinds
from trainup.core.declaration import Role, key, keys_of
from trainup.core.spec_keys import SpecKeys
from trainup.core.targets import TARGETS


@dataclass(frozen=True, kw_only=True)
class InputKeys:
    """The keys that say where a run runs, and what its command and data are made of."""

    run: str = key(
        Role.LOCATION,
        kinds.run_name,
        "",
        "Name of the run: lower-case letters, digits and dashes. Defaults to the resource's name.",
        local="names its folders",
        azure="names its jobs",
        argument="run_name",
        in_stack=False,
        required="every run has a name",
    )
    target: str = key(
        Role.LOCATION,
        kinds.one_of(TARGETS),
        "",
        "Where it runs: `local` or `azure`.",
        local="processes of this machine",
        azure="jobs of Azure ML",
        in_stack=False,
        required=f"say where it runs: {' or '.join(TARGETS)}",
    )
    workspace: str = key(
        Role.LOCATION,
        kinds.filled,
        "",
        "The workspace that keeps the run's record.",
        local="a folder",
        azure="an Azure ML workspace",
        argument="workspace_id",
        in_stack=False,
        required="say which workspace keeps its record",
    )
    cluster: str | None = key(
        Role.POLICY,
        kinds.filled,
        None,
        "The cluster it runs on. Defaults to one slot of its own.",
        local="whose slots it takes",
        azure="where it runs; without one, Azure ML finds a node",
        argument="cluster_id",
        in_stack=False,
    )
    environment: str | None = key(
        Role.POLICY,
        kinds.filled,
        None,
        "ARM id of the environment that the image is registered as. Defaults to one that is made for the image.",
        local="",
        azure="the environment of the job",
        argument="environment_id",
        in_stack=False,
    )
    cloud: str | None = key(
        Role.POLICY,
        kinds.filled,
        None,
        "Which Azure: `public`, `usgovernment`, `china`, or the host that describes another. Defaults to what the "
        "variables of azure-native say, or `public`.",
        local="",
        azure="which Azure is asked",
        in_stack=False,
    )
    job: str | None = key(
        Role.IDENTITY,
        kinds.filled,
        None,
        "Job file of Azure ML's CLI v2, relative to the folder of Pulumi.yaml, that says what runs. Defaults to none.",
        local="is read, but for what is Azure's own",
        azure="is read, and its command sent as it is",
    )
    source: str | None = key(
        Role.IDENTITY,
        kinds.filled,
        None,
        "Folder with the code, relative to the folder of Pulumi.yaml; the files in it are part of the run's identity.",
        local="copied into the run's folder",
        azure="uploaded, once for each content",
        in_job_file=True,
    )
    script: str | None = key(
        Role.IDENTITY,
        kinds.script,
        None,
        "Python script in the source folder. Either this or `command`.",
        local="run by `python`, or by `torchrun` as several processes",
        azure="run by `python` on every node",
        in_job_file=True,
    )
    arguments: tuple[str, ...] = key(
        Role.IDENTITY,
        kinds.words,
        (),
        "Arguments of the script, one item per word. Defaults to none.",
        local="follow the script",
        azure="follow the script",
        in_job_file=True,
    )
    command: tuple[str, ...] = key(
        Role.IDENTITY,
        kinds.command,
        (),
        "Program and arguments, for anything but a Python script.",
        local="run without a shell",
        azure="quoted for bash, which runs it",
        in_job_file=True,
    )
    score: str | None = key(
        Role.IDENTITY,
        kinds.script,
        None,
        "In place of `script`: an entry script with `init()` and `run()`, as endpoints have it, scores the records "
        "of the input `data`, perhaps with the input `model`. Defaults to none.",
        local="called for each record",
        azure="called for each record",
    )
    secrets: Mapping[str, Any] = key(
        Role.IDENTITY,
        kinds.secrets,
        {},
        "Environment variables with secret values; only their names are part of the identity. Defaults to none.",
        local="handed to the process",
        azure="kept in the key vault, and fetched by the node",
    )
    inputs: Mapping[str, dict[str, Any]] = key(
        Role.IDENTITY,
        assets.named(assets.data_input, "data inputs are name: {uri, digest}"),
        {},
        "Data inputs: name → `uri`, `digest`, and where wanted `path`, `type` and `mode`; or a literal `value`. A "
        "command uses them as `${{inputs.name}}`. Defaults to none.",
        local="used where they lie",
        azure="mounted, downloaded or handed over as addresses",
        in_job_file=True,
    )
    outputs: Mapping[str, dict[str, str]] = key(
        Role.IDENTITY,
        assets.named(assets.output, "outputs are name: {mode, uri}, or name: {}"),
        {},
        "Named outputs: name → `mode`, `uri` and `type`, all optional; a command uses them as `${{outputs.name}}`. On "
        "this machine they are folders among the run's outputs. Defaults to those that the command names.",
        local="folders among the run's outputs",
        azure="folders of the workspace's datastore, or at `uri`",
        in_job_file=True,
    )
    identity: str | None = key(
        Role.POLICY,
        kinds.identity,
        None,
        "Who the run is on Azure: a client id, `cluster`, `user` or `token`. Defaults to the cluster's own identity.",
        local="",
        azure="the identity of the job",
        in_job_file=True,
    )
    allow_secrets: tuple[str, ...] = key(
        Role.POLICY,
        kinds.words,
        (),
        "Files (`path` or `path:line`) of the source that only look as if they held a secret. Defaults to none.",
        local="let the preview pass",
        azure="let the preview pass",
    )


INPUT_KEYS, SPEC_KEYS = keys_of(InputKeys), keys_of(SpecKeys)
KEYS = INPUT_KEYS | SPEC_KEYS
"""Name → declaration, of all keys."""
