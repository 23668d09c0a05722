"""Records of local runs for tests that need only parts of them."""

from typing import Any

from trainup.jobs.local.run_record import RunDefinition


def definition_of(name: str, spec: dict[str, Any] | None = None, **facts: Any) -> RunDefinition:
    """The definition of a first attempt."""
    usual = {"machine": "m", "run": "digits", "digest": "0123456789ab", "token": "t0ken", "created": ""}
    return RunDefinition(name=name, id=name, attempt=1, spec=spec or {}, **{**usual, **facts})
