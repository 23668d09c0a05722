"""What the next `up` would submit, according to a preview."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainup.cli.stack import RUN_TYPE, Stack, StackError
from trainup.core.values import UNKNOWN, UNKNOWN_TEXTS, Secret, has_unknown
from trainup.core.wire import SECRET, SIGNATURE
from trainup.jobs import git
from trainup.jobs.job_inputs import job_of
from trainup.jobs.target import Owner, TargetError
from trainup.jobs.targets import opening_of


def inputs_of(run: str, stack: str) -> dict[str, Any]:
    """A run's inputs after the provider's check, from a preview. Raises StackError where that fails."""
    words = ["pulumi", "preview", "--json", "--show-sames", "--stack", stack, "--non-interactive"]
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        preview = json.loads(process.stdout)
    except ValueError as error:
        raise StackError(process.stderr.strip() or f"`{' '.join(words)}` printed no plan") from error
    problems = [item["message"].strip() for item in preview.get("diagnostics", []) if item.get("severity") == "error"]
    if problems or process.returncode:
        raise StackError("\n".join(problems) or process.stderr.strip())
    planned = [
        step["newState"] for step in preview.get("steps", []) if step.get("newState", {}).get("type") == RUN_TYPE
    ]
    states = {state["inputs"]["run"]: state for state in planned}
    if run not in states:
        raise StackError(f"stack {stack!r} has no run {run!r}; there are {', '.join(sorted(states)) or 'none'}")
    return {**_plain(states[run]["inputs"]), "urn": states[run]["urn"]}


def request(inputs: dict[str, Any], stack: Stack, project: Path) -> dict[str, Any]:
    """The request that would start a run with these inputs; nothing is sent. Raises TargetError where there is none."""
    urn = inputs.pop("urn")
    opening = opening_of(inputs["target"])
    if opening.request_of is None or opening.draft_of is None:
        raise TargetError(f"stack {stack.name!r} runs on this machine, where no request is sent")
    token = (stack.runs.get(inputs["run"]) or {}).get("outputs", {}).get("owner") or "<a new one>"
    owner = Owner(urn, token)
    if unknown_inputs(inputs):
        return opening.draft_of(inputs, project, owner)
    job = replace(job_of(inputs, project, owner), git=git.state_of(project))
    return opening.request_of(job, inputs, project)


def unknown_inputs(inputs: dict[str, Any]) -> list[str]:
    """The inputs of a run that are unknown until the resources behind them exist."""
    return sorted(name for name, value in inputs.items() if name != "secrets" and has_unknown(value))


def _plain(value: Any) -> Any:
    """A value of a preview, with its markers of unknown values and secrets replaced by `UNKNOWN` and `Secret`."""
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWN_TEXTS else value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return Secret("") if value.get(SIGNATURE) == SECRET else {key: _plain(item) for key, item in value.items()}
    return value
