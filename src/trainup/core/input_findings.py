"""Findings about combinations of a run's inputs, each of which is right by itself."""

from collections.abc import Mapping
from typing import Any

from trainup.core import commands, scoring
from trainup.core import input_assets as assets
from trainup.core.run_keys import KEYS
from trainup.core.targets import Problems, is_on_this_machine, rules_of
from trainup.core.values import Unknown, has_unknown, reveal


def is_unknown(name: str, value: Any) -> bool:
    """Whether the part of an input that decides about the run is still unknown.

    For secrets that part is their names, and for data inputs everything but `uri`: the rest may be unknown.
    """
    if name == "secrets":
        return isinstance(reveal(value), Unknown)
    if name == "inputs" and isinstance(value, dict):
        value = [{**item, "uri": None} if isinstance(item, dict) else item for item in value.values()]
    return has_unknown(value)


def cross_findings(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    """All findings about combinations; arguments as for `targets.Rules`."""
    for name, key in KEYS.items():
        if key.required and inputs.get(name) is None:
            yield name, f"{name!r} is missing; {key.required}"
    if inputs.get("job") is None:
        yield from _command(inputs, values)
    yield from _variables(inputs, values)
    if "target" in values:
        yield from rules_of(values["target"])(inputs, values)
    if not is_unknown("inputs", inputs.get("inputs")):
        yield from _unfilled(values)


def _command(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    for name, item in values.get("inputs", {}).items():
        if "value" in item and (problem := assets.shell_problem(item["value"])):
            yield f"inputs[{name!r}]['value']", f"{problem}: write it into `arguments`"
    given = [name for name in ("script", "command", "score") if inputs.get(name) is not None]
    has_command, has_script = "command" in given, "script" in given
    if "score" in given:
        yield from _scoring(inputs, values, given)
    elif len(given) != 1:
        how = "both are" if given else "neither is"
        yield "script", f"give either `script` (with `arguments`) or `command`; {how} given"
    if has_command and inputs.get("arguments") is not None:
        yield "arguments", "`arguments` belong to `script`; with `command`, write them into the command"
    if "script" in values and (problem := commands.no_python(values["script"])):
        yield "script", problem
    if has_script and inputs.get("source") is None:
        yield "source", "`script` is a file of the source folder: give `source` as well"


def _scoring(inputs: Mapping[str, Any], values: Mapping[str, Any], given: list[str]) -> Problems:
    for name in given:
        if name != "score":
            yield name, f"`score` is given as well, and a run does one thing: keep `score` or `{name}`"
    if inputs.get("arguments") is not None:
        yield "arguments", "`arguments` belong to `script`, and `score` takes none: set `environment_variables` instead"
    if inputs.get("source") is None:
        yield "source", "`score` is a file of the source folder: give `source` as well"
    if values.get("nodes", 1) > 1 or values.get("distribution"):
        yield "nodes", "`score` reads its records in one process: split the data, and declare a run for each part"
    if not is_unknown("inputs", inputs.get("inputs")) and scoring.DATA not in values.get("inputs", {}):
        yield "score", "it scores the records of the input `data`, and there is none: add `data` to `inputs`"


def _variables(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    variables, secrets = values.get("environment_variables", {}), values.get("secrets", {})
    first = ("python",) if values.keys() & {"script", "score"} else values.get("command", ())
    is_local = is_on_this_machine(values.get("target"))
    if inputs.get("image") is not None and (problem := commands.hidden_python(variables, first, is_local=is_local)):
        yield "environment_variables['PATH']", problem
    for name in sorted(variables.keys() & secrets.keys()):
        yield f"secrets[{name!r}]", f"{name} is also in `environment_variables`; keep one of the two"


def _unfilled(values: Mapping[str, Any]) -> Problems:
    """A finding for each text that looks like an expression and would not be filled in."""
    inputs = values.get("inputs", {})
    texts = [(name, word) for name in ("command", "arguments") for word in values.get(name, ())]
    texts += [("shell_command", values["shell_command"])] if "shell_command" in values else []
    for name, text in texts:
        for reason in commands.unfilled(text, inputs):
            yield name, reason
    for name, text in values.get("environment_variables", {}).items():
        for expression in commands.expressions(text):
            reason = f"{expression} is filled in by nothing: expressions are for the command"
            yield f"environment_variables[{name!r}]", reason
