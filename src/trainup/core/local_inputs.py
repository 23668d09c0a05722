"""Checks of a run's inputs that apply on this machine only."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from trainup.core.input_assets import IN_WORKSPACE
from trainup.core.targets import Problems

OUT_OF_REACH = "run it in a stack with `target: azure`, or name a file or folder of this machine"
OF_SEVERAL_PROCESSES = (
    "the file has Azure ML start several processes or nodes (`distribution`, `resources.instance_count`), and on this "
    "machine a job file's command runs once, as it stands: run it in a stack with `target: azure`, or declare "
    "`source`, `script` and `nodes` in place of `job`, and torchrun starts them"
)


def findings(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    """Findings about data that is elsewhere, and about distributed runs; arguments as for `targets.Rules`."""
    is_of_file = inputs.get("job") is not None
    if is_of_file and (far := _in_azure(values)):
        yield "job", f"{', '.join(far)} is in Azure, and this stack runs here: {OUT_OF_REACH}"
    if is_of_file and ("distribution" in values or values.get("nodes", 1) > 1):
        yield "job", OF_SEVERAL_PROCESSES
        return
    kind, many = values.get("distribution", {}).get("type", "pytorch"), values.get("nodes", 1) > 1
    if kind != "pytorch":
        reason = f"{kind!r} is for Azure: on this machine torchrun starts the processes (`pytorch`)"
        yield "distribution", reason
    is_script = inputs.get("script") is not None or _is_python(values.get("command", ()))
    if not is_script and ("command" in values or "shell_command" in values):
        for name, is_set in (("distribution", kind == "pytorch" and "distribution" in values), ("nodes", many)):
            if is_set:
                yield name, "processes are started by torchrun, which needs a Python script: use `script`"


def _in_azure(values: Mapping[str, Any]) -> list[str]:
    """The data of a job file that cannot be had here. What has an address on the web, a script may read by itself."""
    uris = {name: str(item.get("uri", "")) for name, item in values.get("inputs", {}).items()}
    return [
        f"inputs.{name} ({uri})"
        for name, uri in uris.items()
        if uri.startswith(IN_WORKSPACE) or ("://" in uri and not uri.startswith(("http:", "https:")))
    ]


def _is_python(command: tuple[str, ...]) -> bool:
    # An option of the interpreter would reach the launcher instead.
    is_plain = len(command) > 1 and not command[1].startswith("-")
    return is_plain and PurePosixPath(command[0]).name in ("python", "python3")
