"""What several kinds ask of their inputs."""

import os
import uuid
from dataclasses import replace
from pathlib import Path

from trainup.core import suggest, targets
from trainup.core.input_values import Invalid, filled
from trainup.core.inputs import Finding, RunInputs
from trainup.core.values import Unknown
from trainup.jobs.local import data
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.snapshot.selection import would_take
from trainup.jobs.target import Owner
from trainup.provider.handler import Context, Properties


def local_workspace(context: Context, path: str) -> Workspace:
    """The workspace at a path given relative to the folder of Pulumi.yaml."""
    return Workspace((context.project / path).resolve(), context.project.resolve())


def judge_names(inputs: Properties, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[Finding]:
    """A finding for every input that the resource does not have, and for every one it lacks."""
    known = (*required, *optional)
    strange = [
        Finding(name, suggest.unknown(name, known, f"there is no input {name!r} here"))
        for name in sorted(inputs.keys() - set(known))
    ]
    return strange + [Finding(name, f"{name!r} is missing") for name in required if inputs.get(name) is None]


def owner_of(context: Context, token: str | None = None) -> Owner:
    """The resource of this call as an owner of what several stacks share; with a token of its own when it is new."""
    return Owner(context.urn, token or uuid.uuid4().hex, str(context.project))


def judge_texts(inputs: Properties, names: tuple[str, ...]) -> list[Finding]:
    """A finding for every input of these that is there and is no text, an empty one, or one that no file takes."""
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


def judge_workspace(project: Path, run: RunInputs) -> list[Finding]:
    """A finding for each part of a run's identity that its own workspace lies in: training would change it."""
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
        place, digest = item.get("uri"), item.get("digest")
        is_content = isinstance(digest, str) and digest.startswith(data.PREFIX)
        if is_content and isinstance(place, str) and "://" not in place and _below(project / place, workspace):
            why = f"the workspace {run.workspace} lies in the data {place}, so that every run would change it: "
            out = "give the workspace a folder elsewhere (trainup:workspace), or the data one of its own"
            findings.append(Finding(f"inputs[{name!r}]", why + out))
    return findings


def _below(folder: Path, place: str) -> str | None:
    """A real path relative to the folder, if it lies in there; `.` for the folder itself."""
    real = os.path.realpath(folder)
    return os.path.relpath(place, real) if os.path.commonpath((place, real)) == real else None
