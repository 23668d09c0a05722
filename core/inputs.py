"""From the inputs of a Run resource to a RunSpec, with every finding at once."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from trainup.core.duration import parse_duration
from trainup.core.naming import check_run_name
from trainup.core.spec import IDENTITY_FIELDS, DistributionType, OnDelete, OnFailure, OnInterrupt, RunSpec
from trainup.core.values import Secret, Unknown, has_secret, has_unknown, reveal

TARGETS = ("local", "azure")
MAX_NODES = 1000
MAX_RETRIES = 20


@dataclass(frozen=True)
class Finding:
    """One mistake: the input as the user typed it, and the sentence that explains it."""

    property: str
    reason: str


class Invalid(ValueError):
    """A value that breaks a rule; `at` is the path below the input (`["epochs"]`, `[2]`)."""

    def __init__(self, reason: str, at: str = "") -> None:
        super().__init__(reason)
        self.at = at


@dataclass(frozen=True)
class RunInputs:
    """The parsed inputs of a run. `spec` is None where a part of its identity is unknown or wrong."""

    run: str
    target: str
    workspace: str
    cluster: str | None
    source: str | None
    script: str | None
    spec: RunSpec | None
    secrets: dict[str, Any]
    """Name → value; the values are `Secret` where the program marked them."""
    sources: dict[str, dict[str, str]]
    """Data inputs as given: name → `uri`, `digest`, `mode`."""


def parse_run(given: dict[str, Any]) -> tuple[RunInputs, list[Finding]]:
    """Check all inputs of a run. Unknown values (in a preview) break no rule and leave `spec` None."""
    findings: list[Finding] = []
    values: dict[str, Any] = {}
    for name in given.keys() - FIELDS.keys():
        known = ", ".join(sorted(FIELDS.keys() - COMPUTED))
        findings.append(Finding(name, f"a run has no input {name!r}; it has {known}"))
    for name, parse in FIELDS.items():
        value = given.get(name)
        if value is None or _is_unknown(name, value):
            continue
        try:
            values[name] = parse(value)
        except Invalid as error:
            findings.append(Finding(name + error.at, str(error)))
    findings += _cross_findings(given, values)
    unknown = any(_is_unknown(name, given.get(name)) for name in IDENTITY_INPUTS)
    spec = None if findings or unknown else _spec(values)
    return (
        RunInputs(
            run=values.get("run", ""),
            target=values.get("target", ""),
            workspace=values.get("workspace", ""),
            cluster=values.get("cluster"),
            source=values.get("source"),
            script=values.get("script"),
            spec=spec,
            secrets=values.get("secrets", {}),
            sources=values.get("inputs", {}),
        ),
        findings,
    )


def _is_unknown(name: str, value: Any) -> bool:
    # Of secrets only the names count: they are known even while a value is not.
    return isinstance(value, Unknown) if name == "secrets" else has_unknown(value)


def _spec(values: dict[str, Any]) -> RunSpec:
    plain = {name: values[name] for name in SPEC_FIELDS if name in values}
    if "script" in values:
        plain["command"] = ("python", values["script"], *values.get("arguments", ()))
    plain["secrets"] = tuple(sorted(values.get("secrets", {})))
    plain["inputs"] = {
        name: {"digest": item["digest"]} | ({"mode": item["mode"]} if "mode" in item else {})
        for name, item in values.get("inputs", {}).items()
    }
    return RunSpec(snapshot=values.get("snapshot_digest"), **plain)


def _cross_findings(given: dict[str, Any], values: dict[str, Any]) -> list[Finding]:
    findings = [
        Finding(name, f"{name!r} is missing; {why}") for name, why in REQUIRED.items() if given.get(name) is None
    ]
    has_command, has_script = given.get("command") is not None, given.get("script") is not None
    if has_command == has_script:
        how = "both are" if has_command else "neither is"
        findings.append(Finding("script", f"give either `script` (with `arguments`) or `command`; {how} given"))
    if has_command and given.get("arguments") is not None:
        findings.append(
            Finding("arguments", "`arguments` belong to `script`; with `command`, write them into the command")
        )
    if has_script and given.get("source") is None:
        findings.append(Finding("source", "`script` is a file of the source folder: give `source` as well"))
    variables, secrets = values.get("environment_variables", {}), values.get("secrets", {})
    for name in sorted(variables.keys() & secrets.keys()):
        findings.append(
            Finding(f"secrets[{name!r}]", f"{name} is also in `environment_variables`; keep one of the two")
        )
    if "distribution" in values and not (has_script or _is_python(values.get("command", ()))):
        findings.append(
            Finding("distribution", "processes are started by torchrun, which needs a Python script: use `script`")
        )
    return findings


def _is_python(command: tuple[str, ...]) -> bool:
    return len(command) > 1 and PurePosixPath(command[0]).name in ("python", "python3")


# One small parser per kind of value: returns the value, or raises Invalid with the whole sentence.


def _text(value: Any) -> str:
    if isinstance(value, Secret):
        raise Invalid("a secret would be readable in the process list or in state here; pass it by `secrets`")
    if not isinstance(value, str):
        raise Invalid(f"{value!r} is not text; put it in quotes")
    if "\0" in value:
        raise Invalid("a NUL character cannot be part of a command, a name or a variable")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Invalid("the text holds half of a character (a lone surrogate), which no file or process takes")
    return value


def _filled(value: Any) -> str:
    if not _text(value).strip():
        raise Invalid("it is empty; leave it out or give it a value")
    return value  # type: ignore[no-any-return]


def _run_name(value: Any) -> str:
    if problem := check_run_name(_text(value)):
        raise Invalid(problem)
    return str(value)


def _whole(low: int, high: int, what: str) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Invalid(f"{value!r} is no whole number; {what}")
        if not low <= value <= high:
            raise Invalid(f"{value} is out of range: {what}, from {low} to {high}")
        return value

    return parse


def _choice(kind: type[StrEnum]) -> Callable[[Any], Any]:
    def parse(value: Any) -> StrEnum:
        if value not in list(kind):
            raise Invalid(f"{value!r} is none of {', '.join(kind)}")
        return kind(value)

    return parse


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise Invalid(f"{value!r} is none of {', '.join(choices)}")
        return str(value)

    return parse


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{value!r} is neither true nor false")
    return value


def _duration(value: Any) -> float:
    if not isinstance(value, (str, int, float)):
        raise Invalid(f"{value!r} is no length of time")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _list(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Invalid(f"{value!r} is no list; write one item per word, such as [--epochs, '5']")
    items = []
    for index, item in enumerate(value):
        try:
            items.append(_text(item))
        except Invalid as error:
            raise Invalid(str(error), f"[{index}]") from error
    return tuple(items)


def _command(value: Any) -> tuple[str, ...]:
    command = _list(value)
    if not command or not command[0].strip():
        raise Invalid("the command is empty; its first item is the program to run")
    return command


def _script(value: Any) -> str:
    path = PurePosixPath(_filled(value))
    if path.is_absolute() or ".." in path.parts:
        raise Invalid(f"{value!r} leaves the source folder; a script is named relative to `source`")
    return str(path)


def _mapping(parse: Callable[[Any], Any], what: str) -> Callable[[Any], dict[str, Any]]:
    def parse_all(value: Any) -> dict[str, Any]:
        if isinstance(value, Secret) or not isinstance(value, dict):
            raise Invalid(f"this is no map; {what}")
        result = {}
        for key, item in value.items():
            try:
                result[_filled(key)] = parse(item)
            except Invalid as error:
                raise Invalid(str(error), f"[{key!r}]{error.at}") from error
        return result

    return parse_all


def _secrets(value: Any) -> dict[str, Any]:
    if isinstance(value, Secret) and isinstance(value.value, dict):
        value = {name: Secret(item) for name, item in value.value.items()}
    return _variables(_secret_text, "secrets are NAME: value")(value)


def _variables(parse: Callable[[Any], Any], what: str) -> Callable[[Any], dict[str, Any]]:
    parse_all = _mapping(parse, what)

    def parse_variables(value: Any) -> dict[str, Any]:
        result = parse_all(value)
        for name in result:
            if "=" in name:
                raise Invalid(f"{name!r} is no name for an environment variable: it holds '='", f"[{name!r}]")
            if name in RESERVED_VARIABLES:
                raise Invalid(f"{name} is set by trainup itself; choose another name", f"[{name!r}]")
        return result

    return parse_variables


def _secret_text(value: Any) -> Any:
    plain = reveal(value)
    if not isinstance(plain, (str, Unknown)) or (isinstance(plain, str) and "\0" in plain):
        raise Invalid("the value of a secret must be text without NUL characters")
    return value


def _plain_variable(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Invalid(f"{value!r} is a number; environment variables are text: put it in quotes")
    return _text(value)


def _data_input(value: Any) -> dict[str, str]:
    item = _mapping(_filled, "a data input has `uri` and `digest`")(value)
    for key in item.keys() - {"uri", "digest", "mode"}:
        raise Invalid("a data input has `uri`, `digest` and `mode`", f"[{key!r}]")
    for key in ("uri", "digest"):
        if key not in item:
            raise Invalid(f"`{key}` is missing: a data input is named by where it lies and by its content")
    return item


def _distribution(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or has_secret(value):
        raise Invalid("this is no map; a distribution has `type` and `process_count_per_node`")
    for key in value.keys() - {"type", "process_count_per_node"}:
        raise Invalid("a distribution has `type` and `process_count_per_node`", f"[{key!r}]")
    result: dict[str, Any] = {"type": _choice(DistributionType)(value.get("type", "pytorch")).value}
    if (count := value.get("process_count_per_node")) is not None:
        result["process_count_per_node"] = _whole(1, 64, "the processes of one node")(count)
    return result


RESERVED_VARIABLES = frozenset(
    {
        "TRAINUP_OUTPUT_DIR",
        "TRAINUP_RUN",
        "TRAINUP_TOKEN",
        "TRAINUP_CHECKPOINT_DIR",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_RUN_ID",
    }
)

FIELDS: dict[str, Callable[[Any], Any]] = {
    "run": _run_name,
    "target": _one_of(TARGETS),
    "workspace": _filled,
    "cluster": _filled,
    "source": _filled,
    "script": _script,
    "arguments": _list,
    "command": _command,
    "image": _filled,
    "environment_variables": _variables(_plain_variable, "environment variables are NAME: value"),
    "secrets": _secrets,
    "inputs": _mapping(_data_input, "data inputs are name: {uri, digest}"),
    "after": _mapping(_filled, "upstream runs are name: digest"),
    "distribution": _distribution,
    "nodes": _whole(1, MAX_NODES, "a run has at least one node"),
    "size": _filled,
    "rerun": _text,
    "allow_secrets": _list,
    "display_name": _text,
    "description": _text,
    "experiment_name": _filled,
    "tags": _mapping(_text, "tags are name: text"),
    "timeout": _duration,
    "retries": _whole(0, MAX_RETRIES, "how often a failed run is tried again"),
    "wait": _flag,
    "on_failure": _choice(OnFailure),
    "on_interrupt": _choice(OnInterrupt),
    "on_delete": _choice(OnDelete),
    "snapshot_digest": _filled,
    "manifest": lambda value: value,
    "digest": _filled,
}
COMPUTED = frozenset({"snapshot_digest", "manifest", "digest"})
"""Added by check: never given by a program."""
IDENTITY_INPUTS = (
    "run",
    "source",
    "snapshot_digest",
    "script",
    "arguments",
    *(name for name in IDENTITY_FIELDS if name != "snapshot"),
)
"""The inputs that the id and the digest depend on."""
SPEC_FIELDS = FIELDS.keys() & set(RunSpec.__dataclass_fields__) - {"secrets", "inputs"}
REQUIRED = {
    "run": "every run has a name",
    "target": f"say where it runs: {' or '.join(TARGETS)}",
    "workspace": "say which workspace keeps its record",
}
