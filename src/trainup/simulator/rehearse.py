"""`make rehearse`: deploys a stack to the simulated Azure, trains on this machine, and destroys the stack.

The real engine deploys the repository's own program: `up` until the run has completed, `up` again, which must not
change anything, and `destroy`, which must not leave anything. The exit code is 0 if all of this succeeds, if only uv
connected to other machines, to fetch the packages of a new image, and if all request bodies match Azure's published
types.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from trainup.core import network
from trainup.simulator import extra
from trainup.simulator.cloud.clock import REAL
from trainup.simulator.cloud.quota import PLENTY
from trainup.simulator.project import STACK, Project, configuration, stage
from trainup.simulator.rehearsal import Crashed, NotHere, Rehearsal, rehearsal
from trainup.simulator.report import FILE, Report
from trainup.simulator.watch import Watch, watching

FOLDER = Path(".trainup") / "rehearsal"
ENVIRONMENTS, LOCK = "environments", "lock"
KEPT_FILES = frozenset({ENVIRONMENTS, LOCK})
"""Files in the folder that the next rehearsal reuses: above all, built environments."""

TEMPORARY_FILES = frozenset(
    {"Pulumi.yaml", f"Pulumi.{STACK}.yaml", "backend", "bodies", "home", "jobs", "requests.jsonl", FILE}
)
"""Files in the folder that the next rehearsal deletes and creates again."""

MOST_NAMED = 5
"""Number of unexpected files that a message names."""

DIGITS = {
    "digits": {
        "source": "training",
        "script": "train.py",
        "arguments": ["--dataset", "digits"],
        "experiment_name": "fastai-custom-image",
        "timeout": "2h",
    }
}
"""The default run, which replaces those in the stack file: a real training that needs no download."""
LEAST = {"accuracy": 0.97}
"""Metric → value that the default run must reach."""

PLAIN = ("--yes", "--non-interactive", "--color", "never", "--suppress-progress")
POLLING = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.5", "AZUREML_RUN_POLLING_INTERVAL_MAX": "2"}
"""Shorter poll intervals than on Azure, in seconds."""


class Failed(Exception):
    """The rehearsal failed; the message says in which step."""


def rehearse(
    root: Path,
    folder: Path,
    *,
    stack: str = "dev",
    runs: Mapping[str, Any] | None = DIGITS,
    least: Mapping[str, float] = LEAST,
    scale: float = 0,
) -> Report:
    """Rehearse a stack of the project at `root`; returns the report, which is also written to the folder.

    `runs` replaces the runs of the stack file (None keeps them), and `least` has the metrics that each run must reach.
    With `scale` 1, operations take as long as on Azure. Raises NotHere if there is no such stack. Raises Failed if the
    folder has other files or is used by another rehearsal; the folder is then unchanged.
    """
    report = Report(stack, str(folder))
    config = configuration(root, stack)
    _check_own(folder)
    with _alone(folder):
        _clear(folder)
        try:
            environments = folder / ENVIRONMENTS
            with (
                rehearsal(folder, environments=environments) as running,
                watching(folder / "jobs", environments) as watch,
            ):
                # As in a subscription that was granted its request for GPUs: a new one has none.
                running.azure.quota.gpu_cores = PLENTY
                if scale:
                    running.azure.latency, running.azure.clock.scale = REAL, scale
                sections = {} if runs is None else {"runs": runs}
                with _noting(report), stage(root, folder, running, config, sections=sections) as project:
                    _perform(project, running, report, least)
                report.take_azure(running.azure)
                _take_connections(report, watch, running.trap.caught, scripts_may=runs is None)
        except Crashed as crashed:
            report.problems.append(str(crashed))
        report.write()
    return report


@contextmanager
def _noting(report: Report) -> Iterator[None]:
    """Turn errors in the block into problems of the report; after an interrupt, end all child processes."""
    try:
        with report.timed("all"):
            yield
    except (Failed, NotHere, RuntimeError) as error:
        report.problems.append(str(error))
    except BaseException:
        _end_everything()
        raise


def _perform(project: Project, running: Rehearsal, report: Report, least: Mapping[str, float]) -> None:
    project = replace(project, environment={**project.environment, **POLLING})

    def step(number: int, name: str, words: tuple[str, ...], what: str) -> None:
        print(f"\n=== {number} of 3: pulumi {' '.join(words)}: {what}\n", flush=True)
        with report.timed(name):
            code = project.pulumi(*words, *PLAIN)
        if code:
            raise Failed(f"{name}: `pulumi {' '.join(words)}` ended with exit code {code}")

    step(1, "up", ("up",), "build everything, and train")
    report.take_runs(project.output().get("runs", {}))
    for name, run in report.runs.items():
        _check_run(name, run, least)
    step(2, "second up", ("up", "--expect-no-changes", "--skip-preview", "--suppress-outputs"), "nothing has changed")
    if project.protected:
        # Otherwise `destroy` would refuse; the resources exist only in this process.
        project.pulumi("state", "unprotect", "--all", "--yes")
    step(3, "destroy", ("destroy", "--skip-preview"), "leave nothing")
    report.left = sorted(resource["id"] for resource in running.azure.resources())
    if report.left:
        raise Failed(f"`pulumi destroy` left {len(report.left)} resources: {', '.join(report.left)}")


def _check_run(name: str, run: Mapping[str, Any], least: Mapping[str, float]) -> None:
    if run["status"] != "Completed":
        raise Failed(f"the run {name} is {run['status']}")
    for metric, value in least.items():
        reached = (run["metrics"] or {}).get(metric)
        if reached is None or not float(reached) >= value:
            raise Failed(f"the run {name} ended with {metric} {reached}, and has to reach {value}")


def _take_connections(report: Report, watch: Watch, refused: list[str], *, scripts_may: bool) -> None:
    connections = {"tools": watch.strays, "scripts": watch.scripts, "refused": refused, "builders": watch.builders}
    report.connections = connections
    allowed = {"builders", "scripts"} if scripts_may else {"builders"}
    report.problems += [
        f"beyond this machine: {line}" for who, lines in connections.items() if who not in allowed for line in lines
    ]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, so that only one rehearsal uses it; the lock ends with the process."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)  # it contains the logs and data of jobs
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"another rehearsal is under way in {folder}: wait for it, or name another --folder") from None
        yield


def _check_own(folder: Path) -> None:
    """Raise Failed if a folder has files that are not from a rehearsal, which always leaves its lock there."""
    present = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if strangers := sorted(present - KEPT_FILES - (TEMPORARY_FILES if LOCK in present else set())):
        names = ", ".join(strangers[:MOST_NAMED]) + (
            f" and {len(strangers) - MOST_NAMED} more" if strangers[MOST_NAMED:] else ""
        )
        raise Failed(
            f"{folder} holds {names}, which no rehearsal has left there, and a rehearsal begins by emptying its "
            "folder: name an empty or a new one as --folder"
        )


def _clear(folder: Path) -> None:
    """Delete the files of the previous rehearsal, whose simulated Azure no longer exists."""
    for name in TEMPORARY_FILES:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _end_everything() -> None:
    """End all child processes, such as the build of an environment."""
    family = psutil.Process().children(recursive=True)
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                ask(process)
        _, family = psutil.wait_procs(family, timeout=5)


def _listen_for_signals() -> None:
    """Handle SIGTERM and SIGHUP like Ctrl-C, and ignore further signals during the clean-up."""
    stops = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: object) -> None:
        for each in stops:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in stops:
        signal.signal(each, stop)


def main(arguments: list[str] | None = None) -> int:
    """Rehearse, and print the report; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make rehearse", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--stack", default="dev", help="whose Pulumi.<stack>.yaml (default: %(default)s)")
    parser.add_argument("--own-runs", action="store_true", help="train the stack file's own runs, not the digits")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where all of it lies (default: %(default)s)")
    parser.add_argument(
        "--scale", type=float, default=0, metavar="FACTOR", help="how long things take: 1 as on Azure, 0 no time"
    )
    options = parser.parse_args(arguments)
    os.environ |= network.direct(os.environ)
    trained: dict[str, Any] = {"runs": None, "least": {}} if options.own_runs else {}
    _listen_for_signals()
    try:
        extra.check()
        report = rehearse(Path.cwd(), options.folder, stack=options.stack, scale=options.scale, **trained)
    except (extra.MissingExtra, Failed, NotHere, OSError) as error:
        print(f"rehearse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rehearse: interrupted; what it had started has ended", file=sys.stderr)
        return 130
    print(f"\n{report}", flush=True)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
