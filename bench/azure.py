"""The whole `dev` stack beside a flat program of the same raw resources: a preview, and an `up` of nothing."""

from pathlib import Path

import yaml

from bench.measure import Row, alternate, row
from bench.up import unchanged
from tests.support.azure import cloud
from tests.support.project import STACK, Project, toolchain_environment

REPEATS = 7
RUN = {"source": "code", "script": "main.py"}
IMAGE = {"context": "image"}
OURS = ("trainup:index:Keep", "trainup:index:ClusterRemoval")
"""Kinds that no flat program has: one refuses edits that lose data, one deletes a cluster as Azure asks for it."""


def run(folder: Path) -> list[Row]:
    """Both deployed to the simulator, with a finished run, and unchanged since."""
    with cloud(folder, toolchain_environment()) as running:
        person = running.azure.deployer
        ours = running.stack("dev", access={"users": [person]}, image=IMAGE, runs={"tiny": RUN})
        flat = running.project(Path(__file__).parent / "flat", "flat")
        config = yaml.safe_load((ours.folder / f"Pulumi.{STACK}.yaml").read_text())["config"]
        kept = {key: value for key, value in config.items() if key.startswith("azure-native:")}
        kept["trainup:person"] = person
        (flat.folder / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": kept}))
        flat.pulumi("stack", "init", "--no-select", STACK)
        for project in (ours, flat):
            _sources(project.folder)
            for _ in range(2):  # the second looks once whether Azure has kept the cluster; later ones do not
                done = project.up()
                assert done.code == 0, done.text
        counts = [_count(project) for project in (ours, flat)]
        assert counts[0] == counts[1], f"not the same raw resources: {counts}"
        rows = []
        for name, words in (("preview of the dev stack", ["preview"]), ("no-op up of the dev stack", ["up", "--yes"])):
            times = alternate(REPEATS, *(unchanged(project, *words) for project in (ours, flat)))
            floor = row(name, "flat program", times[1], "s")
            rows += [floor, row(name, "trainup", times[0], "s", at_most=1.1).compared(floor)]
        return rows


def _count(project: Project) -> int:
    """Resources that both have."""
    return sum(1 for item in project.state()["resources"] if item.get("custom") and item["type"] not in OURS)


def _sources(folder: Path) -> None:
    (folder / "image").mkdir()
    (folder / "image" / "Dockerfile").write_text("FROM scratch\n")
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "main.py").write_text("print('done')\n")
