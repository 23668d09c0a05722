"""`make rehearse`: a stack on Azure from nothing to nothing, trained on this machine, without a subscription.

The real engine deploys the repository's own program to the Azure of this process: `up` until the run has completed,
`up` again, which has to change nothing, `destroy`, after which nothing may be left. The exit code is 0 when all of
that is so, nothing reached beyond this machine but uv for the packages of an image that is not built yet, and every
body passes Azure's published types.
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
from trainup.simulator.project import STACK, Project, configuration, stage
from trainup.simulator.rehearsal import Crashed, NotHere, Rehearsal, rehearsal
from trainup.simulator.report import FILE, Report
from trainup.simulator.watch import Watch, watching

FOLDER = Path(".trainup") / "rehearsal"
ENVIRONMENTS, LOCK = "environments", "lock"
KEPT = frozenset({ENVIRONMENTS, LOCK})
"""What the next rehearsal finds again: above all, what was built of images."""

PASSING = frozenset(
    {"Pulumi.yaml", f"Pulumi.{STACK}.yaml", "backend", "bodies", "home", "jobs", "requests.jsonl", FILE}
)
"""What the next rehearsal makes anew."""

TOLD = 5
"""As many of the files that are in the way are named."""

DIGITS = {
    "digits": {
        "source": "training",
        "script": "train.py",
        "arguments": ["--dataset", "digits"],
        "experiment_name": "fastai-custom-image",
        "timeout": "2h",
    }
}
"""Takes the place of the stack file's runs: as real, and without a download."""
LEAST = {"accuracy": 0.97}
"""Metric → what the digits have to reach."""

PLAIN = ("--yes", "--non-interactive", "--color", "never", "--suppress-progress")
POLLING = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "0.5", "AZUREML_RUN_POLLING_INTERVAL_MAX": "2"}
"""Seconds between two looks at a job: here they cost nobody anything."""


class Failed(Exception):
    """The rehearsal did not go as it has to; the message says where."""


def rehearse(
    root: Path,
    folder: Path,
    *,
    stack: str = "dev",
    runs: Mapping[str, Any] | None = DIGITS,
    least: Mapping[str, float] = LEAST,
    scale: float = 0,
) -> Report:
    """Rehearse a stack of the project at `root`; returns the report, which also lies in the folder.

    `runs` takes the place of the stack file's own, None leaves them; `least` is what every run has to reach. With a
    `scale` the service takes its time: 1 as much as Azure. Raises NotHere when there is no such stack, and Failed when
    the folder holds something else, or another rehearsal is under way there; the folder is then as it was.
    """
    report = Report(stack, str(folder))
    given = configuration(root, stack)
    _check_own(folder)
    with _alone(folder):
        _clear(folder)
        try:
            built = folder / ENVIRONMENTS
            with rehearsal(folder, environments=built) as running, watching(folder / "jobs", built) as watch:
                if scale:
                    running.azure.latency, running.azure.clock.scale = REAL, scale
                sections = {} if runs is None else {"runs": runs}
                with _noting(report), stage(root, folder, running, given, sections=sections) as project:
                    _perform(project, running, report, least)
                report.take_azure(running.azure)
                _take_connections(report, watch, running.trap.caught, scripts_may=runs is None)
        except Crashed as crashed:
            report.problems.append(str(crashed))
        report.write()
    return report


@contextmanager
def _noting(report: Report) -> Iterator[None]:
    """What goes wrong in the block becomes a problem of the report; what interrupts it leaves nothing running."""
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
        # It is thrown away with this process anyway.
        project.pulumi("state", "unprotect", "--all", "--yes")
    step(3, "destroy", ("destroy", "--skip-preview"), "leave nothing")
    report.left = sorted(found["id"] for found in running.azure.resources())
    if report.left:
        raise Failed(f"`pulumi destroy` left {len(report.left)} resources: {', '.join(report.left)}")


def _check_run(name: str, run: Mapping[str, Any], least: Mapping[str, float]) -> None:
    if run["status"] != "Completed":
        raise Failed(f"the run {name} is {run['status']}")
    for metric, value in least.items():
        found = (run["metrics"] or {}).get(metric)
        if found is None or not float(found) >= value:
            raise Failed(f"the run {name} ended with {metric} {found}, and has to reach {value}")


def _take_connections(report: Report, watch: Watch, refused: list[str], *, scripts_may: bool) -> None:
    found = {"tools": watch.strays, "scripts": watch.scripts, "refused": refused, "builders": watch.builders}
    report.connections = found
    allowed = {"builders", "scripts"} if scripts_may else {"builders"}
    report.problems += [
        f"beyond this machine: {line}" for who, lines in found.items() if who not in allowed for line in lines
    ]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One rehearsal at a time in a folder; the lock goes with the process."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)  # jobs work there, and their logs and data lie there
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"another rehearsal is under way in {folder}: wait for it, or name another --folder") from None
        yield


def _check_own(folder: Path) -> None:
    """Raise Failed if a folder holds what no rehearsal has made: what one has made lies beside its lock."""
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if strangers := sorted(found - KEPT - (PASSING if LOCK in found else set())):
        told = ", ".join(strangers[:TOLD]) + (f" and {len(strangers) - TOLD} more" if strangers[TOLD:] else "")
        raise Failed(
            f"{folder} holds {told}, which no rehearsal has left there, and a rehearsal begins by emptying its folder: "
            "name an empty or a new one as --folder"
        )


def _clear(folder: Path) -> None:
    """Away with what the last rehearsal left: it was of another Azure."""
    for name in PASSING:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _end_everything() -> None:
    """Whatever this process has started, such as the build of an environment, ends with it."""
    family = psutil.Process().children(recursive=True)
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                ask(process)
        _, family = psutil.wait_procs(family, timeout=5)


def _listen_for_signals() -> None:
    """Let whatever asks this process to end do so as Ctrl-C does, and once: what follows is the tidying up."""
    stops = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: object) -> None:
        for each in stops:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in stops:
        signal.signal(each, stop)


def main(arguments: list[str] | None = None) -> int:
    """Rehearse and tell; the exit code."""
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
