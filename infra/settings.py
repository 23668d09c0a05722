"""The one place that reads the stack's configuration: typed, strict, every problem in one message."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pulumi
from pydantic import ValidationError

from trainup.core import suggest
from trainup.core.input_secrets import Place, is_likely_secret
from trainup.core.project import misplaced
from trainup.core.targets import DEFAULT, TARGETS
from trainup.core.written import quotes, shown
from trainup.infra import references
from trainup.infra.azure_provider_settings import AZURE_NATIVE, AZURE_NATIVE_KEY, PROVIDER_SECRETS
from trainup.infra.azure_sections import REGISTRY_PASSWORD
from trainup.infra.nested_secrets import problem_of
from trainup.infra.plain_secrets import likely_secrets
from trainup.infra.sections import (
    SECRET_NAME,
    UNPLACED,
    UNSHOWN,
    JudgedSection,
    is_number,
    keys_of,
    maps,
)
from trainup.infra.stack_config import StackConfig
from trainup.infra.stack_file import StackFile
from trainup.infra.target_settings import Declared, TargetSettings, declared

Ask = Callable[[str, Mapping[str, Any], Mapping[str, type[JudgedSection]], Any], list[str]]
"""As `infra/findings.py` has it."""

DECLARED = declared()
KEYS = frozenset(key for one in DECLARED.values() for key in one.keys)
"""The settings of all targets."""


def load(config: StackConfig, ask: Ask | None = None) -> TargetSettings:
    """The settings in a stack's configuration; `pulumi.RunError` with every problem at once.

    `ask` tells what else is wrong, with the settings that are right by themselves.
    """
    texts = config.texts
    target = texts.get("target", DEFAULT)
    is_certain = target in TARGETS
    own = DECLARED[target if is_certain else DEFAULT]
    if not is_certain:  # nobody knows which target's keys are meant
        texts = {key: text for key, text in texts.items() if key in own.keys or key not in KEYS}
    sections = {key: text for key, text in texts.items() if key in own.keys}
    file = StackFile(config.root, config.project, config.stack)
    given, problems = _as_written(config, file, sections)
    problems += misplaced(config.values, config.project, KEYS, config.defaults)
    problems += _key_problems(config, own, _wanted_secrets(given), texts)
    secret = [key for key in sections if config.is_secret(key)]
    for key in secret:  # nor is it judged further: every other problem could show the value
        problems.append(problem_of(config.key(key), config.root, config.stack))
        given.pop(key, None)
    plain = likely_secrets(given)
    problems += [f"{config.path(place)}: {reason}" for place, reason in plain.items()]
    is_whole = given.keys() >= sections.keys() and not plain
    if own.has_azure_native:
        given[AZURE_NATIVE] = config.of_azure_native
        problems += _azure_native_problems(config, file)
    context: dict[str, Any] = {"root": config.root}
    try:
        settings = own.parse(given, context)
    except ValidationError as error:
        told = [item for item in error.errors() if item["loc"][0] not in secret and not _shows(item["loc"], plain)]
        if not is_certain:
            told = [item for item in told if _is_wrong_elsewhere(item["loc"], given, context)]
        problems += references.problems_among_mistakes(given)
        problems += [f"{config.path(item['loc'])}: {_reason(item, own, config)}" for item in told]
    else:
        # Judged only where every section is as it was meant: a default in place of a broken one would mislead.
        problems += _cross_problems(settings) if is_whole else []
        problems += settings.file_problems(config.root, config.stack)
    if ask is not None and is_certain and not plain:  # whose findings could show a secret
        told_of = {problem.partition(": ")[0] for problem in problems}
        asked = ask(target, given, own.judged, {"root": config.root})
        problems += [problem for problem in asked if problem.partition(": ")[0] not in told_of]
    if problems:
        listing = "\n".join(f"  {problem}" for problem in problems)
        raise pulumi.RunError(f"Pulumi.{config.stack}.yaml has {len(problems)} problem(s):\n{listing}")
    if numbers := context.get(UNPLACED):
        pulumi.log.warn(
            f"the configuration does not come from Pulumi.{config.stack}.yaml, so that nobody can tell whether the "
            f"numbers among its texts were written as they arrive ({', '.join(numbers)}): put them in quotes"
        )
    return settings


def _as_written(config: StackConfig, file: StackFile, sections: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values of the sections that can be read, and what stands there that is not what arrived."""
    given: dict[str, Any] = {}
    problems: list[str] = []
    for key, text in sections.items():
        try:
            value, changed = file.marked(config.key(key), text if key == "target" else json.loads(text))
        except (ValueError, RecursionError):
            if not config.is_secret(key):
                problems.append(f"{config.key(key)}: this is text; write a map below it")
        else:
            given[key] = value
            if not config.is_secret(key):
                problems += [f"{config.path((key, *at))}: {problem}" for at, problem in changed]
    return given, problems


def _azure_native_problems(config: StackConfig, file: StackFile) -> list[str]:
    """What is wrong with the texts of Azure's provider, and which of them should be secrets."""
    given = config.of_azure_native
    plain = [name for name in given if not config.is_secret(name, AZURE_NATIVE)]
    texts = {name: file.text_problem(f"{AZURE_NATIVE_KEY}{name}", given[name]) for name in plain}
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
    """What is wrong between sections that are right by themselves."""
    return settings.misfits() + references.problems_of(settings.runs, settings.data, settings.node_limit)


def _shows(location: tuple[int | str, ...], secrets: Collection[Place]) -> bool:
    """Whether a problem at this place could repeat one of the likely secrets."""
    path = tuple(part for part in location if part != "[key]")
    return any(path[: len(place)] == place or place[: len(path)] == path for place in secrets)


def _wanted_secrets(given: dict[str, Any]) -> dict[str, str]:
    """The secrets that are asked for → by what, as far as that can be told from settings that may hold mistakes."""
    wanted: dict[str, str] = {}
    for name, section in maps(given.get("data")):
        wanted |= {key: f"the data {name}" for key in _names([section.get("key")])}
    if isinstance(registry := given.get("registry"), dict) and registry.get("username"):
        wanted[REGISTRY_PASSWORD] = "the registry's user name"
    for _, run in maps(given.get("runs")):
        names = run.get("secrets")
        wanted |= {name: "a run" for name in _names([*names.values()] if isinstance(names, dict) else names)}
    return wanted


def _names(values: Any) -> list[str]:
    """The names among what may be anything: what is no name is likely the secret itself, and repeated nowhere."""
    found = values if isinstance(values, list) else []
    names = [value for value in found if isinstance(value, str) and SECRET_NAME.fullmatch(value)]
    return [name for name in names if not is_likely_secret(name)]


def _key_problems(config: StackConfig, own: Declared, wanted: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    """The settings that nothing reads, and the secrets that are missing or no secrets."""
    problems = [
        f"{config.key(key)}: {suggest.unknown(key, own.keys)}"
        for key in texts
        if key not in own.keys and key not in wanted
    ]
    for name, by in sorted(wanted.items()):
        how = f"set it with `pulumi config set --secret {config.key(name)}`"
        if name not in texts:
            problems.append(f"{config.key(name)}: {by} asks for this secret, and it is not set; {how}")
        elif not config.is_secret(name):
            problems.append(f"{config.key(name)}: it is a secret of {by}, but stored as plain text; {how}")
    return problems


def _is_wrong_elsewhere(location: Sequence[Any], given: Mapping[str, Any], context: Any) -> bool:
    """Whether what is wrong on the default target would be wrong on every other one as well."""
    return all(_is_wrong(location, given, one, context) for name, one in DECLARED.items() if name != DEFAULT)


def _is_wrong(location: Sequence[Any], given: Mapping[str, Any], declared: Declared, context: Any) -> bool:
    try:
        declared.parse({**given, AZURE_NATIVE: {}} if declared.has_azure_native else given, context)
    except ValidationError as error:
        return any(tuple(location[: len(item["loc"])]) == item["loc"] for item in error.errors())
    return False


def _reason(error: Any, own: Declared, config: StackConfig) -> str:
    if error["type"] == "extra_forbidden":
        *path, key = error["loc"]
        return suggest.unknown(key, keys_of(own.model, path))
    if error["loc"][0] == AZURE_NATIVE and config.is_secret(error["loc"][1], AZURE_NATIVE):
        return "it is not what it has to be, and a secret, which is not shown: set it without `--secret` to be told why"
    rule = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == UNSHOWN:
        return rule
    given = error["input"]
    if error["type"] == "string_type" and (is_number(given) or isinstance(given, bool) or given is None):
        text = str(given).lower() if isinstance(given, bool) else shown(given)
        what = "a number" if is_number(given) else "nothing" if given is None else "a boolean"
        return f"{text} was given, which YAML takes for {what}, and this is a text: {quotes(text)}"
    is_shown = isinstance(given, (str, int, float))
    return f"{given!r} was given. {rule}" if is_shown and repr(given) not in rule else rule
