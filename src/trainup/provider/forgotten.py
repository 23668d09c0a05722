"""Ends what a stack left in its local workspace but not in its Pulumi state: its `up` was killed before it saved.

`python -m trainup.provider.forgotten PROJECT_FOLDER WORKSPACE STACK PROJECT` ends its runs, frees its clusters, stops
its MLflow server, and prints one line for each run that it ended. Records, logs and outputs stay.
"""

import shutil
import sys
from pathlib import Path

from trainup.jobs.local import mlflow_server
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget, end_runs_of
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Owner


def end(workspace: Workspace, stack: Owner) -> list[str]:
    """End what belongs to this owner's stack and to no other; returns the names of the attempts that were active."""
    target, ended = LocalTarget(workspace), []
    for folder in sorted(workspace.slots.glob("*")):
        pool = Pool(workspace, folder.name)
        before = pool.occupied()
        end_runs_of(target, before, stack)
        remaining = set(pool.occupied())
        ended += [name for name in before if name not in remaining]
        if pool.owners.forget(stack) and not remaining:
            shutil.rmtree(folder, ignore_errors=True)
    if mlflow_server.owners(workspace).forget(stack):
        mlflow_server.stop(workspace)
    return ended


def main(project: str, workspace: str, stack: str, name: str) -> None:
    root = Path(project).resolve()
    owner = Owner(f"urn:pulumi:{stack}::{name}::pulumi:pulumi:Stack::{name}-{stack}", "", str(root))
    print("\n".join(end(Workspace((root / workspace).resolve(), root), owner)))


if __name__ == "__main__":
    main(*sys.argv[1:])
