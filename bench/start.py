"""From nothing to a training that runs: `pulumi up` of the dev stack, on an Azure that takes its time.

What takes long is the service's part, of which some has to follow on other parts: the longest chain of these is the
critical path, which nobody can beat. Beside it, the same requests sent one at a time, as a script of the how-to does.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.measure import Row
from tests.support.azure import Cloud, cloud
from tests.support.project import Project, toolchain_environment
from tests.support.waiting import until
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.clock import REAL

SCALE = 0.1
"""Real seconds for one of the service: so small that waiting is bearable, so large that the machine hardly counts."""
USUAL = replace(REAL, role=120)
"""Roles as they are on most days: with the latest ones, the wait for them would be what is measured."""
LOOKS = {"AZUREML_RUN_POLLING_INTERVAL_MIN": 2, "AZUREML_RUN_POLLING_INTERVAL_MAX": 30}
"""Seconds of the service between two looks, as they are when nobody sets them."""
LATER = ("/environments/versions", "/codes/versions", "/jobs")
"""Types of what needs the image, or belongs to the job itself."""
ONE_BY_ONE = Path(__file__).parent / "scripts" / "one_by_one.py"


@dataclass(frozen=True)
class Step:
    """A part that takes the service a while."""

    seconds: float
    after: tuple[str, ...] = ()


def steps() -> dict[str, Step]:
    """What the dev stack takes, and what has to be there before."""
    ml = "microsoft.machinelearningservices/workspaces"
    create = REAL.create
    return {
        "storage": Step(create["microsoft.storage/storageaccounts"]),
        "vault": Step(create["microsoft.keyvault/vaults"]),
        "logs": Step(create["microsoft.operationalinsights/workspaces"]),
        "insights": Step(create["microsoft.insights/components"], ("logs",)),
        "registry": Step(create["microsoft.containerregistry/registries"]),
        "workspace": Step(create[ml], ("storage", "vault", "insights", "registry")),
        "cluster": Step(create[f"{ml}/computes"], ("workspace",)),
        "image": Step(REAL.image_build, ("registry",)),
        "node": Step(REAL.allocation, ("cluster", "image")),  # a node comes for a job, and a job names its image
        "pull": Step(REAL.image_pull, ("node",)),
    }


def critical_path(parts: Mapping[str, Step], last: str) -> tuple[float, list[str]]:
    """(seconds, steps) of the longest chain that ends with a step."""
    chains = [critical_path(parts, before) for before in parts[last].after]
    seconds, names = max(chains, default=(0.0, []))
    return seconds + parts[last].seconds, [*names, last]


def run(folder: Path) -> list[Row]:
    """Both at the same time, each on an Azure of its own: they wait more than they work."""
    environment = toolchain_environment()
    plan = _rehearsed(folder / "plan", environment)
    with ThreadPoolExecutor(2) as pool:
        ours = pool.submit(_by_pulumi, folder / "pulumi", environment)
        theirs = pool.submit(_one_by_one, folder / "one-by-one", environment, plan)
        found, sequential = ours.result(), theirs.result()
    seconds, names = critical_path(steps(), "pull")
    name = f"nothing to a running training, the service at {1 / SCALE:g} times its speed"
    least = Row(name, "the critical path", seconds / 60, "min", note=", ".join(names))
    return [
        least,
        Row(name, "trainup, one `pulumi up`", found / 60, "min", at_most=1.05).compared(least),
        Row(name, "a script, one request at a time", sequential / 60, "min").compared(least),
    ]


def _stack(running: Cloud) -> Project:
    made = running.stack(
        "dev",
        image={"context": "image"},
        access={"users": [running.azure.deployer]},
        runs={"tiny": {"source": "code", "script": "main.py"}},
    )
    made.script("FROM scratch\n", "image", "Dockerfile")
    made.script("print('running')\n")
    return made


def _by_pulumi(folder: Path, environment: Mapping[str, str]) -> float:
    looks = {name: str(seconds * SCALE) for name, seconds in LOOKS.items()}
    with cloud(folder, {**environment, **looks}) as running:
        project = _stack(running)
        running.azure.latency, running.azure.clock.scale = USUAL, SCALE
        started = time.time()
        done = project.up("--skip-preview")
        assert done.code == 0, done.text
        return (_running_since(running.azure) - started) / SCALE


def _rehearsed(folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What such an `up` sends, in the order in which it can be sent one by one."""
    with cloud(folder, environment) as running:
        sent: list[tuple[str, str, dict[str, Any]]] = []

        def watch(method: str, resource: dict[str, Any]) -> None:
            if "_body" in resource and resource["id"] not in [identity for identity, *_ in sent]:
                sent.append((resource["id"], resource["type"], resource["_body"]))

        running.azure.watchers.append(watch)
        project = _stack(running)
        done = project.up("--skip-preview")
        assert done.code == 0, done.text
        bodies = [json.loads(path.read_text()) for path in sorted(running.bodies.iterdir())]
        versions = {body["type"].lower(): body["apiVersion"] for body in bodies}
        puts = [[identity, versions[kind.lower()], body] for identity, kind, body in sent]
        identities = running.azure.resources("Microsoft.ManagedIdentity/userAssignedIdentities")
        late = {identity for identity, kind, _ in sent if kind.endswith(LATER)}
        (registry,) = running.azure.resources("Microsoft.ContainerRegistry/registries")
        return {
            "platform": [put for put in puts if put[0] not in late],
            "principals": {found["id"]: found["properties"]["principalId"] for found in identities},
            "registry": registry["id"],
            "build": next(body["body"] for body in bodies if "dockerFilePath" in body["body"]),
            "context": str(project.folder / "image"),
            "source": str(project.folder / "code"),
            "environment": next(put for put in puts if put[0] in late and "/environments/" in put[0]),
            "job": next(put for put in puts if "/jobs/" in put[0]),
        }


def _one_by_one(folder: Path, environment: Mapping[str, str], plan: dict[str, Any]) -> float:
    with cloud(folder, environment) as running:
        running.azure.latency, running.azure.clock.scale = USUAL, SCALE
        folder.mkdir(exist_ok=True)
        path = folder / "plan.json"
        path.write_text(json.dumps(plan))
        started = time.time()
        pause = str(LOOKS["AZUREML_RUN_POLLING_INTERVAL_MIN"] * SCALE)
        subprocess.run([sys.executable, ONE_BY_ONE, path, pause], env=dict(running.variables), check=True)
        return (_running_since(running.azure) - started) / SCALE


def _running_since(azure: Azure) -> float:
    """When the only run of all began to run, once it has."""
    (job,) = azure.resources("Microsoft.MachineLearningServices/workspaces/jobs")
    workspace, _, name = job["id"].rpartition("/jobs/")

    def moments() -> dict[str, float]:
        record = azure.runs.get(workspace, name)
        return {status: at.timestamp() for status, at in record.moments} if record else {}

    until(lambda: "Running" in moments(), seconds=3600)
    return moments()["Running"]
