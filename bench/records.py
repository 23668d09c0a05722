"""What it takes to list the records of ten thousand runs, and to report five hundred."""

import json
import shutil
import subprocess
import time
from pathlib import Path

from bench.measure import Row, row
from tests.support.copies import Copy
from tests.support.project import REPOSITORY, toolchain_environment
from trainup.core.spec import RunSpec
from trainup.core.status import Status
from trainup.jobs.local import ledger, run_record
from trainup.jobs.local.run_record import RunState
from trainup.jobs.local.workspace import RunFolder, Workspace
from trainup.jobs.target import Job, Owner

MANY, SOME = 10_000, 500
REPEATS = 5
KIND = "trainup:index:TrainingRun$trainup:index:Run"


def run(folder: Path) -> list[Row]:
    """The commands as a user types them, for a stack whose state knows none of its runs any more."""
    copy = Copy(REPOSITORY / "examples" / "own-repository", folder / "copy", toolchain_environment())
    copy.trainup("stack", "local", plain=True)
    fill(copy, SOME)
    report = [_seconds(copy, "report") for _ in range(REPEATS)]
    size = (copy.folder / ".trainup" / "reports" / "local.html").stat().st_size / 1000
    fill(copy, MANY)
    first = [_seconds(copy, "runs", "--all")]
    later = [_seconds(copy, "runs", "--all") for _ in range(REPEATS)]
    compare = [_seconds(copy, "compare", "--all") for _ in range(REPEATS)]
    return [
        row("records", f"trainup report, {SOME} runs", report, "s", at_most=2.0),
        row("records", f"the page of {SOME} runs", [size], "kB", at_most=1000),
        row("records", f"trainup runs --all, {MANY} records, the first time", first, "s"),
        row("records", f"trainup runs --all, {MANY} records", later, "s", at_most=1.0),
        row("records", f"trainup compare --all, {MANY} records", compare, "s"),
    ]


def fill(copy: Copy, count: int) -> None:
    """So many completed runs in the workspace of the stack `local`: copies of a record that trainup wrote."""
    workspace = Workspace(copy.folder / ".trainup" / "local", copy.folder)
    shutil.rmtree(workspace.root, ignore_errors=True)
    workspace.create()
    spec = RunSpec(command=("python", "fit.py", "--lr", "0.1"))
    owner = Owner(f"urn:pulumi:local::{copy.name}::{KIND}::fit-job", "token", str(copy.folder))
    folder = ledger.claim(workspace, Job("fit", spec, spec.digest(), owner), 1)
    phases = {"queued": 0.1, "preparing": 0.2, "running": 9.0, "finalizing": 0.1}
    metrics = {"accuracy": 0.9, "valid_loss": 0.1}
    run_record.write_state(folder, RunState(status=Status.COMPLETED, phases=phases, metrics=metrics, best=metrics))
    definition, state = (json.loads(path.read_text()) for path in (folder.definition, folder.status))
    for number in range(count):
        name = f"fit-{number:012x}"
        made = RunFolder(workspace.runs / name)
        made.outputs.mkdir(parents=True)
        own = {"id": name, "number": number + 1, "digest": f"{number:064x}"}
        words = {**definition["spec"], "command": ["python", "fit.py", "--lr", str(number / count)]}
        made.definition.write_text(json.dumps({**definition, **own, "spec": words}))
        made.status.write_text(json.dumps({**state, "metrics": {**metrics, "accuracy": number / count}}))
    shutil.rmtree(folder.path)


def _seconds(copy: Copy, *words: str) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        ["trainup", *words, "--stack", "local"], cwd=copy.folder, env=copy.environment, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    assert done.returncode == 0, done.stdout + done.stderr
    return seconds
