"""What the facts in a preview take: why runs train again, and what is uploaded for them."""

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.measure import Row, alternate, row
from tests.support.project import Project, toolchain_environment
from trainup.core.facts import NOTHING, VARIABLE

REPEATS = 9
FILES, RUNS = 400, 5


def run(folder: Path) -> list[Row]:
    """Previews with the facts beside the same ones without: of an unchanged stack, and of one whose code changed."""
    project = Project(folder / "project", toolchain_environment())
    project.script("print('done')\n")
    for number in range(FILES):
        project.script(f"x = {number}\n" * 50, name=f"package{number % 4}/module{number}.py")
    arguments = {f"run-{number}": [str(number)] for number in range(RUNS)}
    runs = {name: {"source": "code", "script": "main.py", "arguments": words} for name, words in arguments.items()}
    project.configure(cluster={"max_nodes": 8}, runs=runs)
    first = project.up()
    assert first.code == 0, first.text
    without = {**project.environment, VARIABLE: NOTHING}

    def both() -> list[list[float]]:
        return alternate(REPEATS, _preview(project, without), _preview(project, project.environment))

    rows = []
    for state, promise in (("unchanged", 1.05), ("changed", None)):
        if state == "changed":
            project.script("x = 'other'\n" * 50, name="package0/module0.py")
        plain, facts = both()
        floor = row("preview", f"{state}, without the facts", plain, "s")
        note = f"{RUNS} runs, {FILES + 1} files"
        ours = row("preview", f"{state}, with them", facts, "s", at_most=promise, note=note)
        rows += [floor, ours.compared(floor)]
    return rows


def _preview(project: Project, variables: Mapping[str, str]) -> Callable[[], float]:
    def measure() -> float:
        started = time.perf_counter()
        command = ["pulumi", "preview", "--non-interactive"]
        subprocess.run(command, cwd=project.folder, env=dict(variables), check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return measure
