"""What several kinds ask of their inputs."""

from trainup.core.inputs import Finding
from trainup.jobs.local.workspace import Workspace
from trainup.provider.handler import Context, Properties


def local_workspace(context: Context, path: str) -> Workspace:
    """The workspace at a path given relative to the folder of Pulumi.yaml."""
    return Workspace((context.project / path).resolve(), context.project.resolve())


def judge_names(inputs: Properties, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[Finding]:
    """A finding for every input that the resource does not have, and for every one it lacks."""
    known = (*required, *optional)
    strange = [
        Finding(name, f"there is no input {name!r} here; there are {', '.join(known)}")
        for name in sorted(inputs.keys() - set(known))
    ]
    missing = [Finding(name, f"{name!r} is missing") for name in required if inputs.get(name) is None]
    return strange + missing
