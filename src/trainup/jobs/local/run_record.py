"""The two files that record an attempt on this machine: `run.json` and `status.json`, read and written here alone.

Both files name the version of their format. Within a version, only keys with a default may be added: a trainup that
does not know such a key keeps it. Any other change needs a new version, which an older trainup refuses, with a message
that says what to do.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, TypeVar

from trainup.core.failure import Failure
from trainup.core.git_state import GitState
from trainup.core.naming import job_name
from trainup.core.numbers import to_number, to_plain
from trainup.core.status import Status
from trainup.jobs.local.files import FORMAT_VERSION, UnreadableRecord, read_json, write_json
from trainup.jobs.local.workspace import RunFolder
from trainup.jobs.target import Owner

Result = TypeVar("Result")
Kinds = Mapping[str, type | tuple[type, ...]]
TEXT_OR_NONE = (str, type(None))
MOST_EXIT_CODE = 2**32
POLICY: Kinds = {
    "timeout": (int, float, type(None)),
    "display_name": TEXT_OR_NONE,
    "description": TEXT_OR_NONE,
    "experiment_name": TEXT_OR_NONE,
    "tags": dict,
}
DEFINITION: Kinds = {
    "machine": str,
    "run": str,
    "id": str,
    "attempt": int,
    "digest": str,
    "token": str,
    "created": str,
    "spec": dict,
    "cluster": TEXT_OR_NONE,
    "sources": dict,
    "owners": list,
    "policy": dict,
}
"""What every definition has."""
OWNER: Kinds = {"urn": str, "token": str}
"""What each owner has; older records have no `place`."""
OWNER_FIELDS = {"urn": "urn", "token": "token", "place": "project"}
"""Key of an owner in the file → field of `Owner`."""
STATE: Kinds = {
    "phases": dict,
    "metrics": dict,
    "best": dict,
    "web_url": str,
    "mlflow_run_id": str,
    "mlflow_experiment_id": str,
    "tracking_error": str,
    "failure": dict,
}
"""What a state may have."""
FAILURE: Kinds = {"message": str, "exit_code": (int, type(None)), "signal": TEXT_OR_NONE}


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What may change while the run goes on; the supervisor obeys it."""

    timeout: float | None = None
    """Seconds the command may run."""
    display_name: str | None = None
    description: str | None = None
    experiment_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunDefinition:
    """What an attempt runs, and who owns it (`run.json`); written under the workspace's lock."""

    version: int = FORMAT_VERSION
    machine: str
    """Id of the machine that claimed the attempt."""
    boot: str = ""
    """Boot id of that machine when it claimed the attempt; its containers share it. Empty in older records."""
    name: str
    run: str
    id: str
    attempt: int
    digest: str
    token: str
    """In the environment of every process of the attempt."""
    created: str
    """ISO 8601 in UTC."""
    number: int = 0
    """Position in the workspace's order of claims: a later claim has a higher number. 0 in older records."""
    spec: Mapping[str, Any]
    """The identity of the run's spec, and its `nodes`."""
    cluster: str | None = None
    data_inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """As `Job.data_inputs`; the key in the file is `sources`."""
    owners: tuple[Owner, ...] = ()
    released: tuple[Owner, ...] = ()
    """Owners that have given it up; none in older records."""
    policy: Policy = field(default_factory=Policy)
    git: GitState = field(default_factory=GitState)
    """The project in git when the attempt was claimed; empty in older records."""
    archived: bool = False
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """Keys that another version of trainup wrote; they are kept as they are."""

    @property
    def literals(self) -> dict[str, str]:
        """The inputs that are values: name → value."""
        return {name: item["value"] for name, item in self.data_inputs.items() if "value" in item}


@dataclass(frozen=True, kw_only=True)
class RunState:
    """The state of an attempt (`status.json`); written by the process that holds the attempt's lock."""

    version: int = FORMAT_VERSION
    status: Status = Status.QUEUED
    phases: Mapping[str, float] = field(default_factory=dict)
    """Phase → seconds."""
    started: bool = False
    """Whether its command may have begun."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[str, float] = field(default_factory=dict)
    web_url: str = ""
    mlflow_run_id: str = ""
    mlflow_experiment_id: str = ""
    tracking_error: str = ""
    """Why metrics are missing here that MLflow may have."""
    failure: Failure | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """Keys that another version of trainup wrote; they are kept as they are."""


DEFINITION_FIELDS, STATE_FIELDS = (
    frozenset(item.name for item in fields(kind)) - {"version", "unknown"} for kind in (RunDefinition, RunState)
)


def write_definition(folder: RunFolder, definition: RunDefinition) -> None:
    """Replace the definition as a whole."""
    content = {"sources" if name == "data_inputs" else name: value for name, value in asdict(definition).items()}
    for name in ("owners", "released"):
        owners = getattr(definition, name)
        content[name] = [{key: getattr(owner, field) for key, field in OWNER_FIELDS.items()} for owner in owners]
    content["git"] = definition.git.to_dict()
    for name in ("archived", "released", "git"):
        if not content[name]:
            del content[name]
    write_json(folder.definition, content.pop("unknown") | content)


def read_definition(folder: RunFolder) -> RunDefinition | None:
    """The definition, or None where there is none. UnreadableRecord where it is damaged or of a newer version."""
    content = read_json(folder.definition)
    return None if content is None else _parsed(folder, _definition, content)


def _definition(folder: RunFolder, content: dict[str, Any]) -> RunDefinition:
    _check_types(content, DEFINITION, is_whole=True)
    _check_types(content["policy"], POLICY, is_whole=False)
    run_id, attempt, number = content["id"], content["attempt"], content.get("number")
    if folder.name != job_name(run_id, attempt):
        raise ValueError(f"it is the record of attempt {attempt} of {run_id!r}")
    content |= {
        "name": folder.name,
        "boot": str(content.get("boot", "")),
        "number": number if type(number) is int else 0,
        "data_inputs": content.pop("sources"),
        "owners": _owners(folder, content),
        "released": _owners(folder, {"owners": content.get("released") or []}),
        "policy": Policy(**{name: content["policy"][name] for name in POLICY if name in content["policy"]}),
        "git": GitState.from_dict(content.get("git")),
        "archived": bool(content.get("archived")),
    }
    return RunDefinition(**_arguments(DEFINITION_FIELDS, content))


def read_owners(folder: RunFolder) -> tuple[Owner, ...]:
    """The owners of the attempt; the rest of its definition is not checked. UnreadableRecord where they are damaged."""
    content = read_json(folder.definition)
    return () if content is None else _parsed(folder, _owners, content)


def _owners(_: RunFolder, content: dict[str, Any]) -> tuple[Owner, ...]:
    for owner in content["owners"]:
        _check_types(owner, OWNER, is_whole=True)
        _check_types(owner, {"place": str}, is_whole=False)
    return tuple(Owner(**{OWNER_FIELDS[key]: value for key, value in owner.items()}) for owner in content["owners"])


def write_state(folder: RunFolder, state: RunState) -> None:
    """Replace the state as a whole; fields that have their default are left out.

    A power cut loses neither that a run has started nor how it ended. What it was about in between is not waited for.
    """
    content = {item.name: value for item in fields(state) if (value := getattr(state, item.name)) != _default(item)}
    unknown = content.pop("unknown", {})
    if state.failure:
        content["failure"] = state.failure.to_dict()
    is_kept = state.status is Status.RUNNING or state.status.is_terminal
    write_json(folder.status, to_plain({**unknown, "phases": {}, **content, "status": state.status}), durable=is_kept)


def read_state(folder: RunFolder) -> RunState | None:
    """The state, or None where none is recorded yet. UnreadableRecord where it is damaged or of a newer version."""
    content = read_json(folder.status)
    if content is None or ("status" not in content and not content.get("started")):
        return None
    return _parsed(folder, _state, content)


def _state(_: RunFolder, content: dict[str, Any]) -> RunState:
    _check_types(content, STATE, is_whole=False)
    content |= {
        "status": Status(content["status"]),
        "started": bool(content.get("started")),
        "phases": {name: float(value) for name, value in content.get("phases", {}).items()},
        "metrics": {name: to_number(value) for name, value in content.get("metrics", {}).items()},
        "best": {name: to_number(value) for name, value in content.get("best", {}).items()},
        "failure": _failure(content["failure"]) if "failure" in content else None,
    }
    return RunState(**_arguments(STATE_FIELDS, content))


def _failure(content: dict[str, Any]) -> Failure:
    _check_types(content, FAILURE, is_whole=False)
    failure = Failure.from_dict(content)
    if abs(failure.exit_code or 0) > MOST_EXIT_CODE:
        raise ValueError(f"{failure.exit_code} is no exit code")
    return failure


def read_status(folder: RunFolder) -> Status:
    """The status alone; the rest of the state is not checked. UnreadableRecord where the status is damaged."""
    return _parsed(folder, _status, read_json(folder.status) or {})


def _status(_: RunFolder, content: dict[str, Any]) -> Status:
    return Status(content.get("status", Status.QUEUED))


def damaged(folder: RunFolder, error: Exception) -> UnreadableRecord:
    """The error for a record that cannot be used, with the folder and what to do."""
    return UnreadableRecord(
        f"the record in {folder.path} is damaged ({error!r}): move that folder away, then run the command again"
    )


def _parsed(folder: RunFolder, parse: Callable[[RunFolder, dict[str, Any]], Result], content: dict[str, Any]) -> Result:
    try:
        return parse(folder, content)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise damaged(folder, error) from error


def _check_types(record: Mapping[str, Any], kinds: Kinds, *, is_whole: bool) -> None:
    """Raise TypeError for a value of a wrong type, and KeyError for a missing one if the record has to be whole."""
    for name, kind in kinds.items():
        if (is_whole or name in record) and not isinstance(record[name], kind):
            raise TypeError(f"{name} is {type(record[name]).__name__}")


def _arguments(names: frozenset[str], content: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments for a record class with fields of these `names`; all other keys go into `unknown`."""
    unknown = {name: content.pop(name) for name in content.keys() - names}
    return {**content, "unknown": unknown}


def _default(item: Any) -> Any:
    return item.default_factory() if item.default_factory is not MISSING else item.default
