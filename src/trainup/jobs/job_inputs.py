"""From the inputs of a Run resource to the job that a target gets."""

from pathlib import Path
from typing import Any

from trainup.core.inputs import parse_run
from trainup.core.values import reveal
from trainup.jobs.target import Job, Owner, TargetError

Inputs = dict[str, Any]
"""The inputs of a Run resource, by the names in `core/run_keys.py`."""


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
        data_inputs={name: with_absolute_uri(project, item) for name, item in parsed.inputs.items()},
        named_outputs=parsed.outputs,
        environment=parsed.environment,
        identity=parsed.identity,
    )


def with_absolute_uri(project: Path, item: dict[str, Any]) -> dict[str, Any]:
    """The data input with an absolute path in place of one relative to the project: the run works in its own folder."""
    uri = item.get("uri")
    if uri is None or uri.startswith("/") or (":" in uri and not (project / uri).exists()):
        return item
    return {**item, "uri": str((project / uri).resolve())}
