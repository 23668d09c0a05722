"""Stacks of many trivial runs on `local`: what each operation takes, and what memory.

The floor is the same stack with resources that do nothing: what Pulumi itself needs for so many.
"""

import argparse
import os
import resource
import subprocess
import time
from pathlib import Path

from bench.measure import Row
from tests.support.project import Project, toolchain_environment
from trainup.toolchain.saving import ONCE

SIZES = (30, 75, 150, 300, 1_000)
IN_BENCH = (30, 300)
"""Those that `make bench` measures; all of them: `python -m bench.load`."""
PROMISE = 25
"""Seconds that an `up` of 300 runs may take."""
OPERATIONS = ("up", "no-op up", "preview", "refresh", "destroy")


def run(folder: Path) -> list[Row]:
    return [row for size in IN_BENCH for row in measured(folder / str(size), size)]


def measured(folder: Path, size: int) -> list[Row]:
    """A row for each operation on a stack of so many runs, and one for the memory of the largest process."""
    project = Project(folder, toolchain_environment())
    project.environment |= ONCE  # as our commands do for stacks of many runs
    project.script("print('done')\n")
    run = {"source": "code", "script": "main.py"}
    names = [f"run-{number}" for number in range(size)]
    project.configure(cluster={"max_nodes": 2}, runs={name: {**run, "arguments": [name]} for name in names})
    name, rows = f"load: {size} runs", []
    for operation in OPERATIONS:
        seconds = _seconds(project, operation)
        promise = PROMISE if (operation, size) == ("up", 300) else None
        rows.append(Row(name, operation, seconds, "s", at_most=promise))
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [*rows, Row(name, "largest process so far", largest, "MiB")]


def _seconds(project: Project, operation: str) -> float:
    words = [operation.split()[-1], *(("--yes",) if operation != "preview" else ())]
    command = ["pulumi", *words, "--non-interactive", "--suppress-outputs"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=project.folder, env=project.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return time.perf_counter() - started


if __name__ == "__main__":
    import tempfile

    from bench.measure import table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES))
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    for size in parser.parse_args().sizes:
        with tempfile.TemporaryDirectory(prefix="trainup-load-") as folder:
            print(table(measured(Path(folder), size)), flush=True)
