"""A no-op `pulumi up`: ours, the same CLI with a provider that does nothing, and with an empty program."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml

from bench.measure import Row, alternate, row
from tests.support.project import REPOSITORY, Project, toolchain_environment

REPEATS = 9
MANY = 200
RUN = {"source": "code", "script": "main.py"}
NOTHING = """\
import pulumi

for kind in ("Server", "Pool", "Image", "Run"):
    part = pulumi.ComponentResource(f"nothing:index:Part{kind}", kind, {}, pulumi.ResourceOptions())
    inputs = {"workspace": ".trainup/test"}
    pulumi.CustomResource(f"nothing:index:{kind}", kind, inputs, pulumi.ResourceOptions(parent=part))
"""

PAIRS = f"""
for number in range({MANY - 1}):
    part = pulumi.ComponentResource("nothing:index:TrainingRun", f"run-{{number}}", {{}}, pulumi.ResourceOptions())
    inputs = {{"workspace": ".trainup/test", "run": f"run-{{number}}", "arguments": [f"run-{{number}}"]}}
    pulumi.CustomResource("nothing:index:Run", f"run-{{number}}-job", inputs, pulumi.ResourceOptions(parent=part))
"""

ALIKE = f"""
digest = "2a35b5770757038fcddfe911a00857b2a6c546209d82f6efe136a6d953b6b4fa"
outputs = {{
    "attempts": 1, "best": {{}}, "cost": 0, "digest": digest, "duration_seconds": 0.128, "metrics": {{}},
    "log_uri": ".trainup/test/runs/run-7-495ea8a7b36a/logs/std_log.txt", "name": "run-7-495ea8a7b36a",
    "outputs_uri": ".trainup/test/runs/run-7-495ea8a7b36a/outputs", "status": "Completed", "web_url": "",
    "phases": {{"finalizing": 0.01, "preparing": 0.007, "queued": 0.016, "running": 0.111}},
}}
others = {{
    "cluster": "gpu-cluster", "environment": ".trainup/test/store/envs/b5e98b4a19f35d9094a57176",
    "image": f"venv@sha256:{{digest}}", "manifest": {{"main.py": f"{{digest}}:14"}}, "script": "main.py",
    "snapshot_digest": digest, "source": "code", "target": "local", "workspace": ".trainup/test",
    "owner": "e888eb2d442246eeb9062e60af2584e2", "reproduce": digest * 3,
}}
runs = {{}}
for number in range({MANY - 1}):
    name = f"run-{{number}}"
    part = pulumi.ComponentResource("nothing:index:TrainingRun", name, {{}}, pulumi.ResourceOptions())
    inputs = {{**outputs, **others, "run": name, "arguments": [name]}}
    job = pulumi.CustomResource("nothing:index:Run", f"{{name}}-job", inputs, pulumi.ResourceOptions(parent=part))
    runs[name] = {{output: getattr(job, output) for output in outputs}}
    part.register_outputs({{"status": job.status}})
pulumi.export("runs", runs)
"""
"""Runs as those of `_ours` are in the state, by a provider that does nothing."""


def run(folder: Path) -> list[Row]:
    """Ours beside a do-nothing provider and an empty program; then the same with many finished runs."""
    environment = toolchain_environment()
    ours = _ours(folder / "ours", environment, 1)
    nothing = _other(folder / "nothing", environment, NOTHING)
    empty = _other(folder / "empty", environment, "")
    times = alternate(REPEATS, *(unchanged(project, "up", "--yes") for project in (ours, nothing, empty)))
    floor = row("no-op up", "do-nothing provider", times[1], "s")
    rows = [
        row("no-op up", "empty program", times[2], "s"),
        floor,
        row("no-op up", "trainup, one run", times[0], "s", at_most=1.15).compared(floor),
    ]
    many = _ours(folder / "many", environment, MANY)
    pairs = _other(folder / "pairs", environment, NOTHING + PAIRS)
    alike = _other(folder / "alike", environment, NOTHING + ALIKE)
    after = alternate(3, *(unchanged(project, "up", "--yes") for project in (many, ours, pairs, alike, nothing)))
    each, least, same = (
        [(with_many - with_one) / (MANY - 1) * 1_000 for with_many, with_one in zip(*two, strict=True)]
        for two in (after[:2], (after[2], after[4]), after[3:])
    )
    rows.append(row("no-op up", f"trainup, {MANY} finished runs", after[0], "s"))
    floor = row("no-op up", "cost of a component and its do-nothing resource", least, "ms")
    properties = row("no-op up", "the same with the inputs, outputs and exports of a run", same, "ms").compared(floor)
    # Most of a run's cost is that of its properties, in the engine and in Pulumi's SDK: `properties` is the floor.
    run = row("no-op up", "cost of a run", each, "ms")
    beside_nothing = run.compared(floor)
    return [*rows, floor, properties, replace(run, at_most=1.25).compared(properties), beside_nothing]


def _ours(folder: Path, environment: dict[str, str], runs: int) -> Project:
    project = Project(folder, environment)
    project.script("print('done')\n")
    names = [f"run-{number}" for number in range(runs)]
    project.configure(cluster={"max_nodes": 8}, runs={name: {**RUN, "arguments": [name]} for name in names})
    first = project.up()
    assert first.code == 0, first.text
    return project


def _other(folder: Path, environment: dict[str, str], program: str) -> Project:
    project = Project(folder, environment)
    (folder / "infra" / "__main__.py").write_text(program)
    provider = {"name": "nothing", "path": str(REPOSITORY / "bench" / "nothing")}
    settings = {"name": "trainup", "runtime": "python", "main": "infra/", "plugins": {"providers": [provider]}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(settings))
    project.configure()
    first = project.up()
    assert first.code == 0, first.text
    return project


def unchanged(project: Project, *words: str) -> Callable[[], float]:
    """What tells the seconds of a `pulumi` command that finds nothing to do."""
    command = ["pulumi", *words, "--non-interactive", "--expect-no-changes"]

    def measure() -> float:
        started = time.perf_counter()
        subprocess.run(command, cwd=project.folder, env=project.environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return measure
