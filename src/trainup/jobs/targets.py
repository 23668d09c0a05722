"""Where a run happens: the target that its inputs name, and the job that it gets there."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainup.core.inputs import parse_run
from trainup.core.values import reveal
from trainup.jobs.target import Job, Owner, Target, TargetError

if TYPE_CHECKING:
    from trainup.jobs.azure.job.submission import Submission

Inputs = dict[str, Any]
"""Of a Run resource, as `core/inputs.py` has them."""


def job_of(inputs: Inputs, project: Path, owner: Owner) -> Job:
    """The job of inputs that have been checked. TargetError where some are still unknown."""
    parsed, findings = parse_run(inputs)
    if findings or parsed.spec is None:
        reasons = "; ".join(f"{item.property}: {item.reason}" for item in findings)
        raise TargetError(f"the inputs of this run are not complete: {reasons or 'some are still unknown'}")
    return Job(
        run=parsed.run,
        spec=parsed.spec,
        digest=parsed.spec.digest(),
        owner=owner,
        source=project / parsed.source if parsed.source else None,
        manifest=inputs.get("manifest") or {},
        secrets=reveal(parsed.secrets),
        cluster=parsed.cluster,
        sources={name: _placed(project, source) for name, source in parsed.sources.items()},
        places=parsed.places,
        environment=parsed.environment,
        identity=parsed.identity,
    )


def target_of(
    inputs: Inputs,
    project: Path,
    progress: Callable[[str], None] = lambda text: None,
    stop: threading.Event | None = None,
) -> Target:
    """The target of a run; nothing is written or asked for yet. After `stop` is set, it starts nothing more."""
    secrets = {name: value for name, value in reveal(inputs.get("secrets") or {}).items() if isinstance(value, str)}
    # Only here: no stack pays for what the other target needs.
    if inputs.get("target") != "azure":
        from trainup.jobs.local.target import LocalTarget
        from trainup.jobs.local.workspace import Workspace

        return LocalTarget(Workspace((project / inputs["workspace"]).resolve(), project.resolve()), secrets)
    from trainup.jobs.azure.target import AzureTarget

    submission = submission_of(inputs, project)
    submission.progress, submission.stop = progress, stop or submission.stop
    return AzureTarget(submission.workspace, submission, secrets, _by_hand(inputs, project))


def submission_of(inputs: Inputs, project: Path, *, dry: bool = False) -> "Submission":
    """What prepares a run on Azure."""
    from trainup.jobs.azure.http.connection import CODE_HASHES, connect
    from trainup.jobs.azure.job.submission import Submission
    from trainup.jobs.azure.platform.workspace import Workspace as AzureWorkspace
    from trainup.jobs.snapshot.tree_hash import TreeHashes

    workspace = AzureWorkspace(connect(inputs.get("cloud")).apart(), inputs["workspace"])
    return Submission(workspace, TreeHashes(project / CODE_HASHES), dry=dry)


def _by_hand(inputs: Inputs, project: Path) -> str:
    from trainup.jobs.azure.job.reproduce import reproduce

    parsed, _ = parse_run(inputs)
    if parsed.spec is None:
        return ""
    return reproduce(job_of(inputs, project, Owner("", "")), Path(parsed.source) if parsed.source else None)


def _placed(project: Path, source: dict[str, Any]) -> dict[str, Any]:
    """The source with a path of the project made whole: the run works in a folder of its own."""
    uri = source.get("uri")
    if uri is None or uri.startswith("/") or (":" in uri and not (project / uri).exists()):
        return source
    return {**source, "uri": str((project / uri).resolve())}
