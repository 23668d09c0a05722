"""Parses the inputs of a Run resource into a RunSpec, and collects all findings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core import input_values as kinds
from trainup.core import scoring, suggest
from trainup.core.commands import EXPRESSION
from trainup.core.declaration import Role
from trainup.core.input_findings import cross_findings, is_unknown
from trainup.core.input_values import Invalid
from trainup.core.run_keys import INPUT_KEYS, KEYS, SPEC_KEYS, InputKeys
from trainup.core.spec import RunSpec
from trainup.core.sweeps import places
from trainup.core.targets import is_on_this_machine


@dataclass(frozen=True)
class Finding:
    """One mistake: the path of the input, and the sentence that explains it."""

    property: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunInputs(InputKeys):
    """The parsed inputs of a run. The values of `secrets` are `Secret` where the program marked them."""

    spec: RunSpec | None
    """None where a part of its identity is unknown or wrong."""


def parse_run(inputs: dict[str, Any]) -> tuple[RunInputs, list[Finding]]:
    """Check all inputs of a run. Unknown values (in a preview) break no rule and leave `spec` None."""
    findings: list[Finding] = []
    values: dict[str, Any] = {}
    for name in sorted(inputs.keys() - FIELDS.keys()):
        unknown_name = suggest.unknown(name, sorted(KEYS), f"a run has no input {name!r}")
        findings.append(Finding(name, places.misplaced(name) or unknown_name))
    findings += _beside_job_file(inputs)
    inputs = with_definition(inputs)
    for name, parse in FIELDS.items():
        value = inputs.get(name)
        if value is None or is_unknown(name, value):
            continue
        try:
            values[name] = parse(value)
        except Invalid as error:
            findings.append(Finding(name + error.at, str(error)))
    findings += [Finding(name, reason) for name, reason in cross_findings(inputs, values)]
    unknown = any(is_unknown(name, inputs.get(name)) for name in IDENTITY_INPUTS)
    unknown = unknown or (inputs.get("job") is not None and "shell_command" not in values)  # its file is not read yet
    spec = None if findings or unknown else _spec(values)
    return RunInputs(spec=spec, **{name: values[name] for name in INPUT_KEYS if name in values}), findings


def with_definition(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs merged with the content of the job file, which wins except over policy keys that are set beside it."""
    definition = inputs.get("definition")
    if not isinstance(definition, dict):
        return inputs
    if is_on_this_machine(inputs.get("target")):  # it has its own cluster and image
        definition = {name: value for name, value in definition.items() if name not in OF_AZURE}
    policy = {name for name in definition if name in KEYS and KEYS[name].in_job_file and not _is_identity(name)}
    result = {**inputs, **{name: value for name, value in definition.items() if name not in policy}}
    for name in policy:
        if inputs.get(name) is None:
            result[name] = definition[name]
    if "image" in definition:
        result["environment"] = None  # that of the stack's own image
    if "cluster" in definition and "size" not in definition:
        result["size"] = None  # likewise
    return result


OF_AZURE = frozenset({"cluster", "image", "conda", "build", "size", "services"})
"""What a job file says that is not for this machine."""


def _beside_job_file(inputs: dict[str, Any]) -> list[Finding]:
    if inputs.get("job") is None:
        return []
    return [
        Finding(name, f"`job` names a file that says what runs, `{name}` included: keep one of the two")
        for name, key in KEYS.items()
        if key.in_job_file and _is_identity(name) and inputs.get(name) is not None
    ]


def _is_identity(name: str) -> bool:
    return KEYS[name].role is Role.IDENTITY


def _spec(values: dict[str, Any]) -> RunSpec:
    plain = {name: values[name] for name in SPEC_KEYS if name in values}
    command = values.get("command", ())
    if "script" in values:
        command = ("python", values["script"], *values.get("arguments", ()))
    elif "score" in values:
        command = scoring.command(values["score"], values.get("inputs", {}))
    elif "shell_command" in values:
        command = (values["shell_command"],)
    named_outputs: dict[str, dict[str, str]] = {name: {} for kind, name in _expressions(command) if kind == "outputs"}
    return RunSpec(
        command=command,
        shell="script" not in values and "shell_command" in values,
        snapshot=values.get("snapshot_digest"),
        conda=values.get("conda"),
        services=values.get("services", {}),
        secrets=tuple(sorted(values.get("secrets", {}))),
        inputs={name: _content(item) for name, item in values.get("inputs", {}).items()},
        outputs=named_outputs
        | {
            name: {key: text for key, text in item.items() if key != "uri"}
            for name, item in values.get("outputs", {}).items()
        },
        **plain,
    )


def _content(item: Mapping[str, str]) -> dict[str, str]:
    """The part of a data input that is in the digest: neither where it is kept nor how it gets to a node."""
    return {key: item[key] for key in ("value", "digest", "path") if key in item}


def _expressions(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for word in words for match in EXPRESSION.finditer(word)]


_COMPUTED: dict[str, Callable[[Any], Any]] = {
    "snapshot_digest": kinds.filled,
    "manifest": lambda value: value,
    "definition": lambda value: value,
    "shell_command": kinds.filled,
    "conda": kinds.filled,
    "build": lambda value: value,
    "services": lambda value: value,
    "resolved": lambda value: value,
    "digest": kinds.filled,
}
COMPUTED = frozenset(_COMPUTED)
"""Inputs that `check` adds; a program never sets them."""
FIELDS = {name: key.parse for name, key in KEYS.items()} | _COMPUTED
"""Input → its parser."""
IDENTITY_INPUTS = ("run", *filter(_is_identity, KEYS), "snapshot_digest", "definition", "conda")
"""The inputs that the id and the digest depend on."""
