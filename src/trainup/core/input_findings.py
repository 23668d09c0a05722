"""What is wrong between the inputs of a run that are right by themselves."""

from collections.abc import Mapping
from typing import Any

from trainup.core import commands
from trainup.core import input_assets as assets
from trainup.core.run_keys import KEYS
from trainup.core.targets import Problems, is_on_this_machine, rules_of
from trainup.core.values import Unknown, has_unknown, reveal


def is_unknown(name: str, value: Any) -> bool:
    """Whether what counts of an input is not known yet.

    Of secrets only the names count: they are known even while a value is not. So it is with where data lies.
    """
    if name == "secrets":
        return isinstance(reveal(value), Unknown)
    if name == "inputs" and isinstance(value, dict):
        value = [{**item, "uri": None} if isinstance(item, dict) else item for item in value.values()]
    return has_unknown(value)


def cross_findings(given: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    """Everything that can be told of the inputs as given, and of those among them that were parsed."""
    for name, key in KEYS.items():
        if key.required and given.get(name) is None:
            yield name, f"{name!r} is missing; {key.required}"
    if given.get("job") is None:
        yield from _command(given, values)
    yield from _variables(given, values)
    if "target" in values:
        yield from rules_of(values["target"])(given, values)
    if not is_unknown("inputs", given.get("inputs")):
        yield from _unfilled(values)


def _command(given: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    for name, item in values.get("inputs", {}).items():
        if "value" in item and (problem := assets.shell_problem(item["value"])):
            yield f"inputs[{name!r}]['value']", f"{problem}: write it into `arguments`"
    has_command, has_script = given.get("command") is not None, given.get("script") is not None
    if has_command == has_script:
        how = "both are" if has_command else "neither is"
        yield "script", f"give either `script` (with `arguments`) or `command`; {how} given"
    if has_command and given.get("arguments") is not None:
        yield "arguments", "`arguments` belong to `script`; with `command`, write them into the command"
    if "script" in values and (problem := commands.no_python(values["script"])):
        yield "script", problem
    if has_script and given.get("source") is None:
        yield "source", "`script` is a file of the source folder: give `source` as well"


def _variables(given: Mapping[str, Any], values: Mapping[str, Any]) -> Problems:
    variables, secrets = values.get("environment_variables", {}), values.get("secrets", {})
    first = ("python",) if "script" in values else values.get("command", ())
    is_local = is_on_this_machine(values.get("target"))
    if given.get("image") is not None and (problem := commands.hidden_python(variables, first, is_local=is_local)):
        yield "environment_variables['PATH']", problem
    for name in sorted(variables.keys() & secrets.keys()):
        yield f"secrets[{name!r}]", f"{name} is also in `environment_variables`; keep one of the two"


def _unfilled(values: Mapping[str, Any]) -> Problems:
    """What looks like an expression, and would reach the command as it is."""
    inputs = values.get("inputs", {})
    texts = [(name, word) for name in ("command", "arguments") for word in values.get(name, ())]
    texts += [("shell_command", values["shell_command"])] if "shell_command" in values else []
    for name, text in texts:
        for reason in commands.unfilled(text, inputs):
            yield name, reason
    for name, text in values.get("environment_variables", {}).items():
        for whole in commands.expressions(text):
            reason = f"{whole} is filled in by nothing: expressions are for the command"
            yield f"environment_variables[{name!r}]", reason
