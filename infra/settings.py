"""Parses and checks the stack's configuration. No other module reads it; all problems come in one message."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pulumi
from pydantic import ValidationError

from trainup.core import suggest
from trainup.core.input_secrets import Place, is_likely_secret
from trainup.core.project import misplaced
from trainup.core.sweeps import places
from trainup.core.targets import DEFAULT, TARGETS
from trainup.core.written import quotes, shown
from trainup.infra import endpoint_settings, model_settings, references
from trainup.infra.azure_keys import AZURE_NATIVE, AZURE_NATIVE_KEY, PROVIDER_SECRETS, REGISTRY_PASSWORD
from trainup.infra.nested_secrets import problem_of
from trainup.infra.plain_secrets import likely_secrets
from trainup.infra.sections import (
    SECRET_NAME,
    UNPLACED,
    UNSHOWN,
    is_number,
    keys_of,
    maps,
)
from trainup.infra.stack_config import StackConfig
from trainup.infra.stack_file import StackFile
from trainup.infra.target_settings import SettingsDeclaration, TargetSettings, declaration_of, declarations

Ask = Callable[[SettingsDeclaration, str, Mapping[str, Any], Any], list[str]]
"""The signature of `ask` in `infra/findings.py`."""


def load(config: StackConfig, ask: Ask | None = None) -> TargetSettings:
    """The settings in a stack's configuration. Raises `pulumi.RunError` with all problems at once.

    `ask` returns the provider's findings about sections that are valid.
    """
    texts = config.texts
    target = texts.get("target", DEFAULT)
    is_certain = target in TARGETS
    declaration = declaration_of(target if is_certain else DEFAULT)
    if not is_certain:  # the keys of every target are allowed
        of_others = {key for one in declarations().values() for key in one.keys} - set(declaration.keys)
        texts = {key: text for key, text in texts.items() if key not in of_others}
    sections = {key: text for key, text in texts.items() if key in declaration.keys}
    file = StackFile(config.root, config.project, config.stack)
    values, problems = _parse_sections(config, file, sections)
    problems += misplaced(config.values, config.project, config.defaults)
    problems += _key_problems(config, declaration, _required_secrets(values), texts)
    secret = [key for key in sections if config.is_secret(key)]
    for key in secret:  # and check nothing else there: another problem could show the value
        problems.append(problem_of(config.key(key), config.root, config.stack))
        values.pop(key, None)
    plain = likely_secrets(values)
    problems += [f"{config.path(place)}: {reason}" for place, reason in plain.items()]
    is_whole = values.keys() >= sections.keys() and not plain
    if declaration.has_azure_native:
        values[AZURE_NATIVE] = config.of_azure_native
        problems += _azure_native_problems(config, file)
    context: dict[str, Any] = {"root": config.root}
    try:
        settings = declaration.parse(values, context)
    except ValidationError as error:
        errors = [item for item in error.errors() if item["loc"][0] not in secret and not _shows(item["loc"], plain)]
        if not is_certain:
            errors = [item for item in errors if _is_wrong_elsewhere(item["loc"], values, context)]
        problems += references.problems_among_mistakes(values)
        problems += [f"{config.path(item['loc'])}: {_reason(item, declaration, config)}" for item in errors]
    else:
        # Checked only where all sections are valid: the default of an invalid one would give misleading problems.
        problems += _cross_problems(settings) if is_whole else []
        problems += settings.file_problems(config.root, config.stack)
    if ask is not None and is_certain and not plain:  # a finding could show a likely secret
        reported_keys = {problem.partition(": ")[0] for problem in problems}
        findings = ask(declaration, target, values, {"root": config.root})
        problems += [problem for problem in findings if problem.partition(": ")[0] not in reported_keys]
    if problems:
        listing = "\n".join(f"  {problem}" for problem in problems)
        raise pulumi.RunError(f"Pulumi.{config.stack}.yaml has {len(problems)} problem(s):\n{listing}")
    if numbers := context.get(UNPLACED):
        pulumi.log.warn(
            f"the configuration does not come from Pulumi.{config.stack}.yaml, so that nobody can tell whether the "
            f"numbers among its texts were written as they arrive ({', '.join(numbers)}): put them in quotes"
        )
    return settings


def _parse_sections(
    config: StackConfig, file: StackFile, sections: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """The parsed sections, and a problem for each value that YAML has changed or that is no map."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, text in sections.items():
        try:
            value, changed = file.marked(config.key(key), text if key == "target" else json.loads(text))
        except (ValueError, RecursionError):
            if not config.is_secret(key):
                problems.append(f"{config.key(key)}: this is text; write a map below it")
        else:
            values[key] = value
            if not config.is_secret(key):
                problems += [f"{config.path((key, *at))}: {problem}" for at, problem in changed]
    return values, problems


def _azure_native_problems(config: StackConfig, file: StackFile) -> list[str]:
    """Problems with the settings of Azure's provider: changed by YAML, or credentials in plain text."""
    settings = config.of_azure_native
    plain = [name for name in settings if not config.is_secret(name, AZURE_NATIVE)]
    texts = {name: file.text_problem(f"{AZURE_NATIVE_KEY}{name}", settings[name]) for name in plain}
    return [
        *(f"{AZURE_NATIVE_KEY}{name}: {problem}" for name, problem in texts.items() if problem),
        *(
            f"{AZURE_NATIVE_KEY}{name}: it is a secret, but stored as plain text; set it with "
            f"`pulumi config set --secret {AZURE_NATIVE_KEY}{name}`"
            for name in PROVIDER_SECRETS
            if name in plain
        ),
    ]


def _cross_problems(settings: TargetSettings) -> list[str]:
    """Problems between sections that are valid by themselves."""
    return [
        *settings.misfits(),
        *references.problems_of(settings.runs, settings.data, settings.node_limit, settings.models, settings.gates),
        *model_settings.problems_of(settings.models, settings.gates, settings.runs),
        *endpoint_settings.problems_of(settings.endpoints, settings.runs, settings.gates),
    ]


def _shows(location: tuple[int | str, ...], secrets: Collection[Place]) -> bool:
    """Whether a problem at this path could show one of the likely secrets."""
    path = tuple(part for part in location if part != "[key]")
    return any(path[: len(secret)] == secret or secret[: len(path)] == path for secret in secrets)


def _required_secrets(sections: dict[str, Any]) -> dict[str, str]:
    """Config secret → what uses it, as far as settings that may be invalid show it."""
    users: dict[str, str] = {}
    for name, section in maps(sections.get("data")):
        users |= {key: f"the data {name}" for key in _names([section.get("key")])}
    if isinstance(registry := sections.get("registry"), dict) and registry.get("username"):
        users[REGISTRY_PASSWORD] = "the registry's user name"
    for _, run in maps(sections.get("runs")):
        names = run.get("secrets")
        users |= {name: "a run" for name in _names([*names.values()] if isinstance(names, dict) else names)}
    return users


def _names(values: Any) -> list[str]:
    """The valid names in a list of anything. Other items may be secrets themselves, and are shown nowhere."""
    items = values if isinstance(values, list) else []
    names = [value for value in items if isinstance(value, str) and SECRET_NAME.fullmatch(value)]
    return [name for name in names if not is_likely_secret(name)]


def _key_problems(
    config: StackConfig, declaration: SettingsDeclaration, required_secrets: Mapping[str, str], texts: Mapping[str, str]
) -> list[str]:
    """A problem for each unknown setting, and for each secret that is missing or in plain text."""
    problems = [
        f"{config.key(key)}: {places.misplaced(key) or suggest.unknown(key, declaration.keys)}"
        for key in texts
        if key not in declaration.keys and key not in required_secrets
    ]
    for name, user in sorted(required_secrets.items()):
        how = f"set it with `pulumi config set --secret {config.key(name)}`"
        if name not in texts:
            problems.append(f"{config.key(name)}: {user} asks for this secret, and it is not set; {how}")
        elif not config.is_secret(name):
            problems.append(f"{config.key(name)}: it is a secret of {user}, but stored as plain text; {how}")
    return problems


def _is_wrong_elsewhere(location: Sequence[Any], values: Mapping[str, Any], context: Any) -> bool:
    """Whether a value that is invalid for the default target is invalid for every other one too."""
    return all(_is_wrong(location, values, one, context) for name, one in declarations().items() if name != DEFAULT)


def _is_wrong(
    location: Sequence[Any], values: Mapping[str, Any], declaration: SettingsDeclaration, context: Any
) -> bool:
    try:
        declaration.parse({**values, AZURE_NATIVE: {}} if declaration.has_azure_native else values, context)
    except ValidationError as error:
        return any(tuple(location[: len(item["loc"])]) == item["loc"] for item in error.errors())
    return False


def _reason(error: Any, declaration: SettingsDeclaration, config: StackConfig) -> str:
    if error["type"] == "extra_forbidden":
        *path, key = error["loc"]
        place = places.misplaced(key) if len(path) == 2 and path[0] == "runs" else None
        return place or suggest.unknown(key, keys_of(declaration.model, path))
    if error["loc"][0] == AZURE_NATIVE and config.is_secret(error["loc"][1], AZURE_NATIVE):
        return "its value is invalid, and not shown because it is a secret: set it without `--secret` to see why"
    rule = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == UNSHOWN:
        return rule
    value = error["input"]
    if error["type"] == "string_type" and (is_number(value) or isinstance(value, bool) or value is None):
        text = str(value).lower() if isinstance(value, bool) else shown(value)
        what = "a number" if is_number(value) else "nothing" if value is None else "a boolean"
        return f"{text} was given, which YAML takes for {what}, and this is a text: {quotes(text)}"
    is_shown = isinstance(value, (str, int, float))
    return f"{value!r} was given. {rule}" if is_shown and repr(value) not in rule else rule
