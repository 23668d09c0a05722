"""From the inputs of a Run resource to a RunSpec, with every finding at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core import commands, suggest
from trainup.core import input_assets as assets
from trainup.core import input_values as kinds
from trainup.core.commands import EXPRESSION
from trainup.core.input_values import Invalid
from trainup.core.spec import IDENTITY_FIELDS, OnDelete, OnFailure, OnInterrupt, OnPreemption, QueueTier, RunSpec
from trainup.core.targets import TARGETS, is_on_this_machine, rules_of
from trainup.core.values import Unknown, has_unknown, reveal

MAX_NODES = 1000
MAX_RETRIES = 20


@dataclass(frozen=True)
class Finding:
    """One mistake: the input as the user typed it, and the sentence that explains it."""

    property: str
    reason: str


@dataclass(frozen=True)
class RunInputs:
    """The parsed inputs of a run. `spec` is None where a part of its identity is unknown or wrong."""

    run: str
    target: str
    workspace: str
    cluster: str | None
    environment: str | None
    """ARM id of the environment that `image` is registered as."""
    identity: str | None
    """Who the run is on Azure: a client id, or one of `input_values.IDENTITIES`."""
    cloud: str | None
    source: str | None
    script: str | None
    spec: RunSpec | None
    allow_secrets: tuple[str, ...]
    secrets: dict[str, Any]
    """Name → value; the values are `Secret` where the program marked them."""
    sources: dict[str, dict[str, Any]]
    """Data inputs as given: name → `uri`, `digest`, `path`, `type`, `mode`, or `value`; `uri` may be unknown."""
    places: dict[str, dict[str, str]]
    """Named outputs as given: name → `mode` and `uri`."""


def parse_run(given: dict[str, Any]) -> tuple[RunInputs, list[Finding]]:
    """Check all inputs of a run. Unknown values (in a preview) break no rule and leave `spec` None."""
    findings: list[Finding] = []
    values: dict[str, Any] = {}
    for name in sorted(given.keys() - FIELDS.keys()):
        known = sorted(FIELDS.keys() - COMPUTED)
        findings.append(Finding(name, suggest.unknown(name, known, f"a run has no input {name!r}")))
    findings += _told_by_file(given)
    given = with_definition(given)
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
    unknown = unknown or (given.get("job") is not None and "shell_command" not in values)  # its file is not read yet
    spec = None if findings or unknown else _spec(values)
    return (
        RunInputs(
            run=values.get("run", ""),
            target=values.get("target", ""),
            workspace=values.get("workspace", ""),
            cluster=values.get("cluster"),
            environment=values.get("environment"),
            identity=values.get("identity"),
            cloud=values.get("cloud"),
            source=values.get("source"),
            script=values.get("script"),
            spec=spec,
            allow_secrets=values.get("allow_secrets", ()),
            secrets=values.get("secrets", {}),
            sources=values.get("inputs", {}),
            places=values.get("outputs", {}),
        ),
        findings,
    )


def with_definition(given: dict[str, Any]) -> dict[str, Any]:
    """The inputs with what a job file tells in place: it wins, but for policy that is given beside it."""
    definition = given.get("definition")
    if not isinstance(definition, dict):
        return given
    if is_on_this_machine(given.get("target")):  # which has its own cluster and image
        definition = {name: value for name, value in definition.items() if name not in ("cluster", "image", "size")}
    result = {**given, **{name: value for name, value in definition.items() if name not in FILE_POLICY}}
    for name in FILE_POLICY & definition.keys():
        if given.get(name) is None:
            result[name] = definition[name]
    if "image" in definition:
        result["environment"] = None  # that of the stack's own image
    if "cluster" in definition and "size" not in definition:
        result["size"] = None  # likewise
    return result


def _told_by_file(given: dict[str, Any]) -> list[Finding]:
    if given.get("job") is None:
        return []
    return [
        Finding(name, f"`job` names a file that says what runs, `{name}` included: keep one of the two")
        for name in FILE_IDENTITY
        if given.get(name) is not None
    ]


def _is_unknown(name: str, value: Any) -> bool:
    # Of secrets only the names count: they are known even while a value is not. So it is with where data lies.
    if name == "secrets":
        return isinstance(reveal(value), Unknown)
    if name == "inputs" and isinstance(value, dict):
        value = [{**item, "uri": None} if isinstance(item, dict) else item for item in value.values()]
    return has_unknown(value)


def _spec(values: dict[str, Any]) -> RunSpec:
    plain = {name: values[name] for name in SPEC_FIELDS if name in values}
    if "script" in values:
        plain["command"] = ("python", values["script"], *values.get("arguments", ()))
    elif "shell_command" in values:
        plain |= {"command": (values["shell_command"],), "shell": True}
    plain["secrets"] = tuple(sorted(values.get("secrets", {})))
    plain["inputs"] = {name: _content(item) for name, item in values.get("inputs", {}).items()}
    used: dict[str, dict[str, str]] = {name: {} for kind, name in _mentioned(plain["command"]) if kind == "outputs"}
    plain["outputs"] = used | {
        name: {key: text for key, text in item.items() if key != "uri"}
        for name, item in values.get("outputs", {}).items()
    }
    return RunSpec(snapshot=values.get("snapshot_digest"), **plain)


def _content(item: Mapping[str, str]) -> dict[str, str]:
    """What an input is, wherever it lies and however it gets to a node."""
    return {key: item[key] for key in ("value", "digest", "path") if key in item}


def _mentioned(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for word in words for match in EXPRESSION.finditer(word)]


def _cross_findings(given: dict[str, Any], values: dict[str, Any]) -> list[Finding]:
    findings = [
        Finding(name, f"{name!r} is missing; {why}") for name, why in REQUIRED.items() if given.get(name) is None
    ]
    findings += _command_findings(given, values)
    variables, secrets = values.get("environment_variables", {}), values.get("secrets", {})
    first = ("python",) if "script" in values else values.get("command", ())
    if given.get("image") is not None and (
        problem := commands.hidden_python(variables, first, is_local=is_on_this_machine(values.get("target")))
    ):
        findings.append(Finding("environment_variables['PATH']", problem))
    for name in sorted(variables.keys() & secrets.keys()):
        findings.append(
            Finding(f"secrets[{name!r}]", f"{name} is also in `environment_variables`; keep one of the two")
        )
    if "target" in values:
        findings += [Finding(name, reason) for name, reason in rules_of(values["target"])(given, values)]
    if not _is_unknown("inputs", given.get("inputs")):
        findings += _unfilled(values)
    return findings


def _command_findings(given: dict[str, Any], values: dict[str, Any]) -> list[Finding]:
    if given.get("job") is not None:
        return []
    findings = [
        Finding(f"inputs[{name!r}]['value']", f"{problem}: write it into `arguments`")
        for name, item in values.get("inputs", {}).items()
        if "value" in item and (problem := assets.shell_problem(item["value"]))
    ]
    has_command, has_script = given.get("command") is not None, given.get("script") is not None
    if has_command == has_script:
        how = "both are" if has_command else "neither is"
        findings.append(Finding("script", f"give either `script` (with `arguments`) or `command`; {how} given"))
    if has_command and given.get("arguments") is not None:
        findings.append(
            Finding("arguments", "`arguments` belong to `script`; with `command`, write them into the command")
        )
    if "script" in values and (problem := commands.no_python(values["script"])):
        findings.append(Finding("script", problem))
    if has_script and given.get("source") is None:
        findings.append(Finding("source", "`script` is a file of the source folder: give `source` as well"))
    return findings


def _unfilled(values: dict[str, Any]) -> list[Finding]:
    """What looks like an expression, and would reach the command as it is."""
    inputs = values.get("inputs", {})
    texts = [(name, word) for name in ("command", "arguments") for word in values.get(name, ())]
    texts += [("shell_command", values["shell_command"])] if "shell_command" in values else []
    found = [Finding(name, reason) for name, text in texts for reason in commands.unfilled(text, inputs)]
    variables = values.get("environment_variables", {})
    return found + [
        Finding(f"environment_variables[{name!r}]", f"{whole} is filled in by nothing: expressions are for the command")
        for name, text in variables.items()
        for whole in commands.expressions(text)
    ]


FIELDS: dict[str, Callable[[Any], Any]] = {
    "run": kinds.run_name,
    "target": kinds.one_of(TARGETS),
    "workspace": kinds.filled,
    "cluster": kinds.filled,
    "cloud": kinds.filled,
    "source": kinds.filled,
    "script": kinds.script,
    "arguments": kinds.words,
    "command": kinds.command,
    "job": kinds.filled,
    "image": kinds.filled,
    "environment": kinds.filled,
    "environment_variables": kinds.variables(kinds.plain_variable, "environment variables are NAME: value"),
    "secrets": kinds.secrets,
    "inputs": assets.named(assets.data_input, "data inputs are name: {uri, digest}"),
    "outputs": assets.named(assets.output, "outputs are name: {mode, uri}, or name: {}"),
    "after": kinds.mapping(kinds.filled, "upstream runs are name: digest"),
    "distribution": kinds.distribution,
    "nodes": kinds.whole(1, MAX_NODES, "a run has at least one node"),
    "size": kinds.filled,
    "shm_size": kinds.shm_size,
    "identity": kinds.identity,
    "queue_tier": kinds.choice(QueueTier),
    "rerun": kinds.text,
    "allow_secrets": kinds.words,
    "display_name": kinds.text,
    "description": kinds.text,
    "experiment_name": kinds.filled,
    "tags": kinds.mapping(kinds.text, "tags are name: text"),
    "timeout": kinds.duration,
    "queue_timeout": kinds.duration,
    "retries": kinds.whole(0, MAX_RETRIES, "how often a failed run is tried again"),
    "wait": kinds.flag,
    "on_failure": kinds.choice(OnFailure),
    "on_interrupt": kinds.choice(OnInterrupt),
    "on_preemption": kinds.choice(OnPreemption),
    "on_delete": kinds.choice(OnDelete),
    "node_price": kinds.price,
    "snapshot_digest": kinds.filled,
    "manifest": lambda value: value,
    "definition": lambda value: value,
    "shell_command": kinds.filled,
    "digest": kinds.filled,
}
COMPUTED = frozenset({"snapshot_digest", "manifest", "definition", "shell_command", "digest"})
"""Added by check: never given by a program."""
FILE_IDENTITY = (
    "source",
    "script",
    "arguments",
    "command",
    "environment_variables",
    "inputs",
    "outputs",
    "distribution",
    "nodes",
)
"""What a job file says of a run, so that nothing beside it may."""
FILE_POLICY = frozenset(
    {
        "display_name",
        "description",
        "experiment_name",
        "tags",
        "timeout",
        "shm_size",
        "identity",
        "queue_tier",
    }
)
"""What a job file may say, and what is given beside it changes."""
IDENTITY_INPUTS = (
    "run",
    "source",
    "snapshot_digest",
    "script",
    "arguments",
    "definition",
    *(name for name in IDENTITY_FIELDS if name not in ("snapshot", "shell")),
)
"""The inputs that the id and the digest depend on."""
SPEC_FIELDS = FIELDS.keys() & set(RunSpec.__dataclass_fields__) - {"secrets", "inputs", "outputs"}
REQUIRED = {
    "run": "every run has a name",
    "target": f"say where it runs: {' or '.join(TARGETS)}",
    "workspace": "say which workspace keeps its record",
}
