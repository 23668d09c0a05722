"""Decides whether Pulumi saves the state of a stack at every step, or once at the end.

The CLI rewrites the whole state at each step, which takes most of the time of an `up` of 300 runs
(pulumi/pulumi#10668). Runs on this machine are recorded in their workspace as well: the next `up` adopts those that the
state does not know, and `destroy` ends them. So the state of a local stack with many runs is saved once.
"""

import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from trainup.toolchain import checkpoints
from trainup.toolchain.backends import StateLocation
from trainup.toolchain.paths import PYTHON, ROOT, SetupError, say
from trainup.toolchain.stack_files import StackFile

ONCE = {"PULUMI_SKIP_CHECKPOINTS": "true"}
"""Makes the CLI save the state only at the end of an operation, also of one that fails or is interrupted."""
MANY = 20
"""The number of runs, or of resources in the state, from which on the state is saved once."""
OURS = ("trainup:", "pulumi:")
POOL = "trainup:index:Pool"
DESTROYS = frozenset({"destroy", "down", "dn"})
PARTLY = ("--target", "-t", "--exclude", "-x", "--preview-only")


def variables(file: StackFile, location: StateLocation | None) -> Mapping[str, str]:
    """Variables that tell the CLI when to save: once where all resources are ours, which have other records."""
    if location is None or not file.is_local:
        return {}
    resources = _resources(location)
    is_ours = all(str(one.get("type", "")).startswith(OURS) for one in resources)
    return ONCE if is_ours and (file.runs >= MANY or len(resources) >= MANY) else {}


def end_forgotten(file: StackFile, location: StateLocation, words: Sequence[str]) -> None:
    """Before a `destroy`, end runs of an `up` that was killed before it saved its state. Raises SetupError."""
    if not words or words[0] not in DESTROYS or not file.is_local:
        return
    if any(word.split("=")[0] in PARTLY for word in words) or any(
        one.get("type") == POOL for one in _resources(location)
    ):
        return
    workspace = ROOT / (file.workspace or f".trainup/{location.stack}")
    if not (workspace / "slots").is_dir():
        return
    module = ["-I", "-m", "trainup.provider.forgotten", str(ROOT), str(workspace), location.stack, location.project]
    command = [str(PYTHON), *module]
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if process.returncode:
        raise SetupError(f"runs that the state does not know could not be ended:\n{process.stderr.strip()}")
    if names := process.stdout.split():
        say(f"ended, which a killed `up` had begun: {', '.join(names)}")


def _resources(location: StateLocation) -> list[dict[str, Any]]:
    """The resources in a stack's state, with those that were being created; none where there is no state."""
    state = checkpoints.content(location.state) if location.state else None
    if state is None or not checkpoints.says_something(state):  # a locked stack was not repaired
        return []
    latest = state["checkpoint"]["latest"] or {}
    pending = [one.get("resource") or {} for one in latest.get("pending_operations") or []]
    return [*(latest.get("resources") or []), *pending]
