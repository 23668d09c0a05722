"""What has changed about a run: whether it is another one, and whether `up` has to see to it."""

from trainup.core.choices import OnFailure
from trainup.core.declaration import Role
from trainup.core.inputs import IDENTITY_INPUTS
from trainup.core.run_keys import KEYS
from trainup.core.status import Status
from trainup.provider.handler import Change, Properties, State, compare

LOCATION = frozenset(name for name, key in KEYS.items() if key.role is Role.LOCATION)
"""Inputs that say which run it is and where its record is kept: with another value it is another run."""


def changes_of(old: Properties, new: Properties) -> tuple[dict[str, Change], bool]:
    """(the paths that differ, and what follows from each; whether it is another run)."""
    replaced = new.get("digest") != old.get("digest") or any(new.get(name) != old.get(name) for name in LOCATION)
    changes = compare(compared(old), compared(new), lambda name: _kind(name, replaced))
    if replaced and Change.REPLACE not in changes.values():
        changes["digest"] = Change.REPLACE
    return changes, replaced


def location_of(state: State) -> Properties:
    """Target and workspace of the run, for a state without inputs."""
    return {name: state.outputs[name] for name in ("target", "workspace") if name in state.outputs}


def status_of(outputs: Properties) -> Status:
    """The status in a state; that of a run nobody knows of where it has none."""
    return Status(outputs.get("status") or Status.NOT_RESPONDING)


def needs_attention(outputs: Properties, inputs: Properties) -> bool:
    """Whether an `up` with these inputs has to retry, start or wait for a run with these outputs."""
    status = status_of(outputs)
    if status.is_failure:
        return inputs.get("on_failure") != OnFailure.KEEP
    # An abandoned run never ends by itself: `up` has to start it, even if it does not wait.
    return not status.is_terminal and (inputs.get("wait") is not False or bool(outputs.get("abandoned")))


def compared(inputs: Properties) -> Properties:
    """The inputs that make a difference."""
    # The paths of source and data are no part of a run, and the digests only sum up what is compared one by one.
    excluded = {"source", "job", "allow_secrets", "digest", "snapshot_digest", "resolved"}
    compared = {name: value for name, value in inputs.items() if name not in excluded}
    if isinstance(items := compared.get("inputs"), dict):
        compared["inputs"] = {name: {**item, "uri": None} for name, item in items.items() if isinstance(item, dict)}
    return compared


def _kind(name: str, replaced: bool) -> Change:
    identity = name in IDENTITY_INPUTS or name in LOCATION or name == "manifest"
    return Change.REPLACE if replaced and identity and name != "secrets" else Change.UPDATE
