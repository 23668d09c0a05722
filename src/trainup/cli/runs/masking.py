"""Whether what a run printed can be shown: its secrets have to be known, so that they are masked.

Logs on this machine are masked when they are written. Those on Azure are not, and the state alone has the secrets.
"""

from dataclasses import replace

from trainup.cli.stack import Stack
from trainup.core.errors import UserError
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.target import Record, Target


def without_message(record: Record) -> Record:
    """The record without what its failure says, which may hold output."""
    if record.failure is None:
        return record
    return replace(record, failure=replace(record.failure, message="not shown, since secrets in it are unknown"))


def unmasked(stack: Stack, target: Target, record: Record) -> list[str]:
    """Names of the secrets of a run that the state of the stack does not have: what it printed may hold them."""
    if isinstance(target, LocalTarget):
        return []
    resources = [*stack.runs.values(), *stack.sweeps.values()]
    in_state = {name for resource in resources for name in resource["inputs"].get("secrets") or ()}
    return sorted((target.definition(record.name).inputs.get("secrets") or {}).keys() - in_state)


def check_log(stack: Stack, target: Target, record: Record) -> None:
    """UserError where the log of a run cannot be masked."""
    if names := unmasked(stack, target, record):
        raise UserError(
            f"{record.name} has the secrets {', '.join(names)}, whose values the state of stack {stack.name!r} does "
            f"not have, so that they could not be masked: read its log in studio, {record.web_url}"
        )
