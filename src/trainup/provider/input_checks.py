"""Checks of inputs, and owners and workspaces made from them, for several kinds of resource."""

import os
import uuid
from dataclasses import replace
from pathlib import Path

from trainup.core import suggest, targets
from trainup.core.input_assets import CONTENT
from trainup.core.input_values import Invalid, filled
from trainup.core.inputs import Finding, RunInputs
from trainup.core.values import Unknown
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.snapshot.selection import would_take
from trainup.jobs.target import Owner
from trainup.provider.handler import Context, Properties


def local_workspace(context: Context, path: str) -> Workspace:
    """The workspace at a path relative to the folder of Pulumi.yaml."""
    return Workspace.at(context.project, path)


def check_names(inputs: Properties, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[Finding]:
    """A finding for every input that the resource does not know, and for every required one that is missing."""
    names = (*required, *optional)
    unknown_names = [
        Finding(name, suggest.unknown(name, names, f"there is no input {name!r} here"))
        for name in sorted(inputs.keys() - set(names))
    ]
    return unknown_names + [Finding(name, f"{name!r} is missing") for name in required if inputs.get(name) is None]


def owner_of(context: Context, token: str | None = None) -> Owner:
    """The resource of this call as the owner of something that stacks share; a new resource gets a new token."""
    return Owner(context.urn, token or uuid.uuid4().hex, str(context.project))


def check_texts(inputs: Properties, names: tuple[str, ...]) -> list[Finding]:
    """A finding for each of these inputs that is set but is no text, or one that `input_values.filled` refuses."""
    findings = []
    for name in names:
        if (value := inputs.get(name)) is not None and not isinstance(value, Unknown):
            try:
                filled(value)
            except Invalid as error:
                findings.append(Finding(name, str(error)))
    return findings


def run_owner(context: Context, inputs: Properties, token: str | None = None) -> Owner:
    """The resource as the owner of its run."""
    owner = owner_of(context, token)
    # A workspace in the cloud is in no project folder: the stack is the same, whatever folder it is deployed from.
    return replace(owner, project="") if targets.is_elsewhere(inputs.get("target")) else owner


def check_workspace(project: Path, run: RunInputs) -> list[Finding]:
    """A finding for each source or data folder that holds the run's workspace: each run would change its content."""
    if not targets.is_on_this_machine(run.target) or not run.workspace:
        return []
    workspace = os.path.realpath(project / run.workspace)
    findings = []
    if run.source and (inside := _below(project / run.source, workspace)):
        source = os.path.realpath(project / run.source)
        if inside == "." or would_take(source, inside):
            why = (
                f"the workspace {run.workspace} lies in the source folder {run.source}, so that every run would change "
            )
            out = "the next one's code: give it a folder elsewhere (trainup:workspace), or name it in a .gitignore"
            findings.append(Finding("source", why + out))
    for name, item in run.inputs.items():
        uri, digest = item.get("uri"), item.get("digest")
        is_content = isinstance(digest, str) and digest.startswith(CONTENT)
        if is_content and isinstance(uri, str) and "://" not in uri and _below(project / uri, workspace):
            why = f"the workspace {run.workspace} lies in the data {uri}, so that every run would change it: "
            out = "give the workspace a folder elsewhere (trainup:workspace), or the data one of its own"
            findings.append(Finding(f"inputs[{name!r}]", why + out))
    return findings


def _below(folder: Path, path: str) -> str | None:
    """A real path relative to the folder that holds it, `.` for the folder itself; None outside of it."""
    real = os.path.realpath(folder)
    return os.path.relpath(path, real) if os.path.commonpath((path, real)) == real else None
