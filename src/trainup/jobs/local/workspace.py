"""The folder of a local workspace, and the paths in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainup.jobs.local.files import Lock, read_json, write_json
from trainup.jobs.local.machine import machine_id

DEFINITION, STATUS = "run.json", "status.json"
"""Names of the files with the definition and the state of an attempt, in its folder."""
OUTPUTS, LOGS, CODE = "outputs", "logs", "code"
LOG = f"{LOGS}/std_log.txt"
"""Paths in that folder."""


@dataclass(frozen=True)
class Workspace:
    """Paths below a workspace's root; nothing is created by naming it."""

    root: Path
    project: Path | None = None
    """The folder of Pulumi.yaml: paths below it are shown relative to it."""

    @classmethod
    def at(cls, project: Path, path: str | Path) -> "Workspace":
        """The workspace at a path relative to the folder of Pulumi.yaml, as inputs name it."""
        return cls((project / path).resolve(), project.resolve())

    def shown(self, path: Path) -> str:
        """A path as outputs and messages name it."""
        if not self.project or path == self.project:
            return "." if self.project else str(path)
        return str(path).removeprefix(f"{self.project}/")  # `relative_to` takes long for thousands of records

    @property
    def runs(self) -> Path:
        """One folder per attempt."""
        return self.root / "runs"

    @property
    def index(self) -> Path:
        """A cache of what the records of ended attempts say."""
        return self.root / "records.json"

    @property
    def claims(self) -> Path:
        """The number of the last claim."""
        return self.root / "claims.json"

    @property
    def slots(self) -> Path:
        """One folder per cluster."""
        return self.root / "slots"

    @property
    def environments(self) -> Path:
        """Built environments by digest."""
        return self.root / "store" / "envs"

    @property
    def mlflow(self) -> Path:
        """Store, artifacts, log and record of the MLflow server."""
        return self.root / "mlflow"

    def shown_outputs(self, experiment_id: str, run_id: str) -> Path:
        """Where the outputs of a run stand among the artifacts of its MLflow run."""
        return self.mlflow / "artifacts" / experiment_id / run_id / "artifacts" / "outputs"

    def exclusive(self) -> Lock:
        """The lock under which runs are claimed, adopted and released."""
        return Lock(self.root / "workspace.lock")

    def create(self) -> None:
        """Create the folders with access for this user only: they hold data, logs and secrets of runs.

        An existing root keeps its mode; the folders in it are private all the same.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.runs, self.slots, self.environments.parent, self.mlflow):
            folder.mkdir(exist_ok=True, mode=0o700)
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)
        if read_json(self.root / "workspace.json") is None:
            write_json(self.root / "workspace.json", {"machine": machine_id()})

    def tracking(self) -> dict[str, Any]:
        """How runs are tracked: `kind` is `server` (with `uri` and `port`), `external` (with `uri`) or `none`."""
        return read_json(self.mlflow / "server.json") or {"kind": "none"}


@dataclass(frozen=True)
class RunFolder:
    """Paths of one attempt."""

    path: Path

    @property
    def name(self) -> str:
        """The target's name of the attempt."""
        return self.path.name

    @property
    def definition(self) -> Path:
        """What to run, and whose it is; written under the workspace's lock."""
        return self.path / DEFINITION

    @property
    def status(self) -> Path:
        """The state of the attempt; written by the holder of `lock`."""
        return self.path / STATUS

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.path / "supervisor.lock"

    @property
    def cancel(self) -> Path:
        """Its existence asks the supervisor to stop the run; its text is the failure, as JSON."""
        return self.path / "cancel"

    @property
    def code(self) -> Path:
        """The snapshot; the command's working directory."""
        return self.path / CODE

    @property
    def manifest(self) -> Path:
        """The files of the snapshot, by which they are told from what the run writes beside them."""
        return self.path / "manifest.json"

    @property
    def outputs(self) -> Path:
        """What the run leaves behind."""
        return self.path / OUTPUTS

    @property
    def logs(self) -> Path:
        """All logs of the run."""
        return self.path / LOGS

    @property
    def log(self) -> Path:
        """What the command printed: whole lines, progress bars resolved, secrets masked."""
        return self.path / LOG

    @property
    def log_times(self) -> Path:
        """When which part of the log was printed: lines of a time in seconds since 1970 and a position in bytes."""
        return self.logs / ".times"

    @property
    def raw_log(self) -> Path:
        """What the command prints, as it is, until it has ended; readable by this user alone."""
        return self.logs / ".raw"

    @property
    def raw_ranks(self) -> Path:
        """The same for each process of a distributed command: torchrun needs a place to collect from."""
        return self.logs / ".ranks"
