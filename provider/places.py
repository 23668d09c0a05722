"""What several kinds ask of their inputs."""

import uuid
from dataclasses import replace

from trainup.core import suggest
from trainup.core.input_values import Invalid, filled
from trainup.core.inputs import Finding
from trainup.core.values import Unknown
from trainup.jobs.local.workspace import Workspace
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
    # A workspace on Azure lies beside no project: a stack is the same from whatever folder it is deployed.
    return replace(owner, place="") if inputs.get("target") == "azure" else owner
