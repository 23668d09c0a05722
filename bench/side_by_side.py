"""Two real trainings at once on a cluster of two slots, beside one alone: do they fight over the processors?"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.measure import Row, row
from tests.support.plugin import Plugin, Resource, plugin, urn

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 3


def run(folder: Path) -> list[Row]:
    """Seconds that digits takes to train, from the run's own record."""
    (folder / "training").symlink_to(ROOT / "training")
    with plugin(folder) as provider:
        server = _made(provider, "Server", "mlflow", {"tracking": "server"})
        try:
            whole, alone, together = _measured(provider)
        finally:
            provider.delete(server)
    name = "side by side: digits on two slots"
    slot = row(name, "one alone on one of two slots", alone, "s")
    return [
        row(name, "one alone with the whole machine", whole, "s"),
        slot,
        row(name, "two at once, each", together, "s", at_most=1.25).compared(slot),
    ]


def _measured(provider: Plugin) -> tuple[list[float], list[float], list[float]]:
    recipe = {"builder": "venv", "requirements": "training/requirements.txt"}
    image = _made(provider, "Image", "image", recipe).outputs["reference"]
    for name, slots in (("one", 1), ("two", 2)):
        _made(provider, "Pool", name, {"name": name, "max_nodes": slots})

    def train(cluster: str, name: str) -> float:
        return _trained(provider, image, cluster, name)

    train("one", "warm")  # the first one compiles what it imports
    whole = [train("one", f"whole-{turn}") for turn in range(REPEATS)]
    alone = [train("two", f"alone-{turn}") for turn in range(REPEATS)]
    together: list[float] = []
    with ThreadPoolExecutor(2) as pool:
        for turn in range(REPEATS):
            together += pool.map(train, ("two", "two"), (f"left-{turn}", f"right-{turn}"))
    return whole, alone, together


def _made(provider: Plugin, kind: str, name: str, inputs: dict[str, object]) -> Resource:
    checked, failures = provider.check(urn(kind, name), {"workspace": "ws", **inputs})
    assert not failures, failures
    return provider.create(urn(kind, name), checked)


def _trained(provider: Plugin, image: str, cluster: str, name: str) -> float:
    run = _made(
        provider,
        "Run",
        name,
        {
            "run": name,
            "target": "local",
            "cluster": cluster,
            "image": image,
            "source": "training",
            "script": "train.py",
            "arguments": ["--dataset", "digits"],
            "rerun": name,
        },
    )
    return float(run.outputs["phases"]["running"])
