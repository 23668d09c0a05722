"""From the inputs of a Run resource to the job that a target gets."""

from pathlib import Path
from typing import Any

from trainup.core.inputs import parse_run
from trainup.core.values import reveal
from trainup.jobs.target import Job, Owner, TargetError

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
        sources={name: _placed(project, source) for name, source in parsed.inputs.items()},
        places=parsed.outputs,
        environment=parsed.environment,
        identity=parsed.identity,
    )


def _placed(project: Path, source: dict[str, Any]) -> dict[str, Any]:
    """The source with a path of the project made whole: the run works in a folder of its own."""
    uri = source.get("uri")
    if uri is None or uri.startswith("/") or (":" in uri and not (project / uri).exists()):
        return source
    return {**source, "uri": str((project / uri).resolve())}
