"""Checks of a run's inputs that apply on this machine only."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from trainup.core.targets import Problems


def findings(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    """Findings about distributed runs, whose processes torchrun starts; arguments as for `targets.Rules`."""
    kind, many = values.get("distribution", {}).get("type", "pytorch"), values.get("nodes", 1) > 1
    if kind != "pytorch":
        reason = f"{kind!r} is for Azure: on this machine torchrun starts the processes (`pytorch`)"
        yield "distribution", reason
    is_script = inputs.get("script") is not None or _is_python(values.get("command", ()))
    if not is_script and ("command" in values or "shell_command" in values):
        for name, is_set in (("distribution", kind == "pytorch" and "distribution" in values), ("nodes", many)):
            if is_set:
                yield name, "processes are started by torchrun, which needs a Python script: use `script`"


def _is_python(command: tuple[str, ...]) -> bool:
    # An option of the interpreter would reach the launcher instead.
    is_plain = len(command) > 1 and not command[1].startswith("-")
    return is_plain and PurePosixPath(command[0]).name in ("python", "python3")
