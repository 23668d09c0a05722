"""`python -m trainup.simulator.journey`: the journey of `trainup verify-azure` in the simulated Azure, and its answers.

with simulated(folder) as journey:
    evidence = journey.perform(print)
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainup.core.disk import replace_file
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.rehearsal import rehearsal
from trainup.verification import judging
from trainup.verification.bundle import SHAPES
from trainup.verification.journey import Journey, stack_config


def config_of(azure: Azure) -> dict[str, Any]:
    """The settings of a stack on the simulated Azure."""
    return {
        "azure-native:subscriptionId": azure.subscription,
        "azure-native:location": "westeurope",
        "trainup:target": "azure",
        "trainup:access": {"users": [azure.deployer]},
        "trainup:workspace": {"name": "journey-ml"},  # a name of one's own is asked about
    }


@contextmanager
def simulated(
    folder: Path, alter: Callable[[Azure], None] = lambda azure: None, variables: Mapping[str, str] = os.environ
) -> Iterator[Journey]:
    """A journey in a simulated Azure, which `alter` may change first."""
    with rehearsal(folder / "azure") as running:
        alter(running.azure)
        yield Journey(folder / "journey", stack_config(config_of(running.azure)), running.environment(variables))


def main() -> int:
    """Write the file; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder, simulated(Path(folder)) as journey:
        evidence = journey.perform(lambda line: print(line, flush=True))
    if any(step.exit_code for step in evidence.steps):
        return 1
    replace_file(SHAPES, json.dumps(judging.shapes(evidence), indent=1) + "\n", mode=0o644)
    return 0


if __name__ == "__main__":
    sys.exit(main())
