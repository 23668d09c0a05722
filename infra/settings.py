"""The one place that reads the stack's configuration: typed, strict, every problem in one message."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import pulumi
from pulumi.runtime import get_root_directory
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import Field, ValidationError

from trainup.core import suggest
from trainup.core.input_secrets import Place, is_likely_secret
from trainup.core.inputs import MAX_NODES, TARGETS
from trainup.core.project import NAMESPACE, misplaced, settings_of
from trainup.core.written import quotes, shown
from trainup.infra import project_files
from trainup.infra.azure_image_settings import AzureImageSettings
from trainup.infra.azure_provider_settings import AZURE_NATIVE, PROVIDER_SECRETS
from trainup.infra.azure_sections import REGISTRY_PASSWORD, DataSettings
from trainup.infra.azure_settings import AzureSettings
from trainup.infra.nested_secrets import problem_of
from trainup.infra.plain_secrets import in_files_of_image, likely_secrets
from trainup.infra.sections import (
    SECRET_NAME,
    UNPLACED,
    UNSHOWN,
    DataName,
    RunName,
    RunSettings,
    Section,
    is_number,
    keys_of,
)
from trainup.infra.stack_file import StackFile
from trainup.infra.workspace_place import OWN, problems_of


class WorkspaceSettings(Section):
    """`trainup:workspace`."""

    path: str | None = None
    """Folder of the local workspace; `.trainup/<stack>` when not given."""
    tracking: str = "server"


class ClusterSettings(Section):
    """`trainup:cluster`."""

    name: str = "gpu-cluster"
    max_nodes: int = Field(default=1, ge=1, le=MAX_NODES)

    @property
    def node_limit(self) -> int:
        """The most nodes that one run can have."""
        return self.max_nodes


class ImageSettings(Section):
    """`trainup:image`."""

    requirements: str | None = None
    python: str | None = None
    allow_secrets: list[str] | None = None
    """Places and lines that only look as if they held a secret, as `requirements.txt` or `requirements.txt:3`."""


class LocalDataSettings(Section):
    """One entry of `trainup:data`: a file or folder, relative to the folder of Pulumi.yaml."""

    path: str


class Settings(Section):
    """All of a local stack's configuration."""

    target: Literal["local", "azure"] = "local"
    workspace: WorkspaceSettings = WorkspaceSettings()
    cluster: ClusterSettings = ClusterSettings()
    image: ImageSettings = ImageSettings()
    data: dict[DataName, LocalDataSettings] = Field(default_factory=dict)
    runs: dict[RunName, RunSettings] = Field(default_factory=dict)
    allow_secrets: list[str] = Field(default_factory=list)
    """Settings outside of runs and the image that only look as if they held a secret, such as `workspace.path`."""


AnySettings = Settings | AzureSettings

Ask = Callable[[str, Mapping[str, Any], Mapping[str, type[Section]], Any], list[str]]
"""As `infra/findings.py` has it."""


MOST_SHOWN = 20
"""Runs of a ring that are named."""


def load(ask: Ask | None = None) -> AnySettings:
    """The settings of the current stack; `pulumi.RunError` with every problem at once.

    `ask` tells what else is wrong, with the settings that are right by themselves.
    """
    stack = pulumi.get_stack()
    given: dict[str, Any] = {}
    problems: list[str] = []
    root = Path(get_root_directory() or ".")
    file = StackFile(root, pulumi.get_project(), stack)
    texts = {name: _config()[key] for name, key in _places().items()}
    model: type[AnySettings] = AzureSettings if texts.get("target") == "azure" else Settings
    is_certain = texts.get("target", "local") in TARGETS
    if not is_certain:  # nobody knows which target's keys are meant
        texts = {key: text for key, text in texts.items() if key in _keys(model) or key not in _keys(AzureSettings)}
    for key, text in texts.items():
        if key not in _keys(model):
            continue
        try:
            value, changed = file.marked(_place(key), text if key == "target" else json.loads(text))
        except (ValueError, RecursionError):
            if not _is_secret(key):
                problems.append(f"{_place(key)}: this is text; write a map below it")
        else:
            given[key] = value
            problems += [f"{_path((key, *at))}: {problem}" for at, problem in changed if not _is_secret(key)]
    problems += misplaced(_config(), pulumi.get_project(), _keys(AzureSettings), _defaults())
    problems += _key_problems(model, _wanted_secrets(given), texts)
    secret = [key for key in texts if key in _keys(model) and _is_secret(key)]
    for key in secret:  # nor is it judged further: every other problem could show the value
        problems.append(problem_of(_place(key), root, stack))
        given.pop(key, None)
    plain = likely_secrets(given)
    problems += [f"{_path(place)}: {reason}" for place, reason in plain.items()]
    whole = given.keys() >= texts.keys() & _keys(model) and not plain
    if model is AzureSettings:
        prefix = "azure-native:"
        given[AZURE_NATIVE] = {
            key.removeprefix(prefix): text for key, text in _config().items() if key.startswith(prefix)
        }
        problems += [
            f"azure-native:{name}: {problem}"
            for name, text in given[AZURE_NATIVE].items()
            if not is_config_secret(f"azure-native:{name}")
            and (problem := file.text_problem(f"azure-native:{name}", text))
        ]
        problems += [
            f"azure-native:{name}: it is a secret, but stored as plain text; set it with "
            f"`pulumi config set --secret azure-native:{name}`"
            for name in PROVIDER_SECRETS
            if name in given[AZURE_NATIVE] and not is_config_secret(f"azure-native:{name}")
        ]
    context: dict[str, Any] = {"root": root}
    try:
        settings: AnySettings = model.model_validate(given, context=context)
    except ValidationError as error:
        told = [item for item in error.errors() if item["loc"][0] not in secret and not _shows(item["loc"], plain)]
        if not is_certain:
            told = [item for item in told if _is_wrong_on_azure(item["loc"], given, context)]
        problems += _reference_problems(given)
        problems += [f"{_path(item['loc'])}: {_reason(item, model)}" for item in told]
    else:
        # Judged only where every section is as it was meant: a default in place of a broken one would mislead.
        problems += _cross_problems(settings) if whole else []
        if isinstance(settings, Settings):
            workspace = settings.workspace.path or f"{OWN}/{stack}"
            sources = {name: run.source for name, run in settings.runs.items() if run.source}
            problems += problems_of(workspace, sources, {name: one.path for name, one in settings.data.items()}, root)
        problems += in_files_of_image(root, settings.image) if isinstance(settings, AzureSettings) else []
    if ask is not None and is_certain and not plain:  # whose findings could show a secret
        sections: dict[str, type[Section]] = (
            {"image": AzureImageSettings, "data": DataSettings}
            if model is AzureSettings
            else {"image": ImageSettings, "data": LocalDataSettings}
        )
        told_of = {problem.partition(": ")[0] for problem in problems}
        asked = ask("azure" if model is AzureSettings else "local", given, sections, {"root": root})
        problems += [problem for problem in asked if problem.partition(": ")[0] not in told_of]
    if problems:
        listing = "\n".join(f"  {problem}" for problem in problems)
        raise pulumi.RunError(f"Pulumi.{stack}.yaml has {len(problems)} problem(s):\n{listing}")
    if numbers := context.get(UNPLACED):
        pulumi.log.warn(
            f"the configuration does not come from Pulumi.{stack}.yaml, so that nobody can tell whether the numbers "
            f"among its texts were written as they arrive ({', '.join(numbers)}): put them in quotes"
        )
    return settings


def _shows(location: tuple[int | str, ...], secrets: Collection[Place]) -> bool:
    """Whether a problem at this place could repeat one of the likely secrets."""
    path = tuple(part for part in location if part != "[key]")
    return any(path[: len(place)] == place or place[: len(path)] == path for place in secrets)


def _keys(model: type[AnySettings]) -> list[str]:
    return [key for key in model.model_fields if key != AZURE_NATIVE]


def _config() -> dict[str, str]:
    """Every key of every namespace: only so is a misspelt one noticed."""
    return {**get_config_env(), **CONFIG.get()}


def _places() -> dict[str, str]:
    """Setting → the key it stands at."""
    return settings_of(_config(), pulumi.get_project())


def _place(setting: str) -> str:
    """The key of one setting, also of one that is not set."""
    return _places().get(setting, f"trainup:{setting}")


def _defaults() -> list[str]:
    """The keys that have but the default that Pulumi.yaml declares: the engine does not tell them from others."""
    config, project = _config(), pulumi.get_project()
    if project == NAMESPACE:
        return []
    declared = project_files.declared(Path(get_root_directory() or ".")).get("config") or {}
    return [
        key
        for name, told in declared.items()
        if isinstance(told, dict) and (key := f"{project}:{name}") in config
        if config[key] in (told.get("default"), json.dumps(told.get("default")), json.dumps(told.get("value")))
    ]


def _wanted_secrets(given: dict[str, Any]) -> dict[str, str]:
    """The secrets that are asked for → by what, as far as that can be told from settings that may hold mistakes."""
    wanted: dict[str, str] = {}
    for name, section in _maps(given.get("data")):
        wanted |= {key: f"the data {name}" for key in _names([section.get("key")])}
    if isinstance(registry := given.get("registry"), dict) and registry.get("username"):
        wanted[REGISTRY_PASSWORD] = "the registry's user name"
    for _, run in _maps(given.get("runs")):
        names = run.get("secrets")
        wanted |= {name: "a run" for name in _names([*names.values()] if isinstance(names, dict) else names)}
    return wanted


def _names(values: Any) -> list[str]:
    """The names among what may be anything: what is no name is likely the secret itself, and repeated nowhere."""
    found = values if isinstance(values, list) else []
    names = [value for value in found if isinstance(value, str) and SECRET_NAME.fullmatch(value)]
    return [name for name in names if not is_likely_secret(name)]


def _maps(section: Any) -> list[tuple[str, dict[str, Any]]]:
    return [item for item in section.items() if isinstance(item[1], dict)] if isinstance(section, dict) else []


def _key_problems(model: type[AnySettings], wanted: dict[str, str], texts: dict[str, str]) -> list[str]:
    problems = [
        f"{_place(key)}: {suggest.unknown(key, _keys(model))}"
        for key in texts
        if key not in _keys(model) and key not in wanted
    ]
    for name, by in sorted(wanted.items()):
        how = f"set it with `pulumi config set --secret {_place(name)}`"
        if name not in texts:
            problems.append(f"{_place(name)}: {by} asks for this secret, and it is not set; {how}")
        elif not _is_secret(name):
            problems.append(f"{_place(name)}: it is a secret of {by}, but stored as plain text; {how}")
    return problems


def secret(name: str) -> pulumi.Output[str]:
    """A config secret, wrapped: it is never plain text in the program."""
    namespace, _, key = _place(name).partition(":")
    return pulumi.Config(namespace).require_secret(key)


def _cross_problems(settings: AnySettings) -> list[str]:
    problems = settings.misfits() if isinstance(settings, AzureSettings) else []
    for name, run in settings.runs.items():
        problems += _references(name, run, settings.runs, settings.data)
        problems += [
            f"trainup:runs.{upstream}.wait: {name} comes after it, so `up` has to wait for its end: leave `wait` out"
            for upstream in run.upstream
            if upstream in settings.runs and settings.runs[upstream].wait is False
        ]
        if (run.nodes or 1) > settings.cluster.node_limit:
            problems.append(
                f"trainup:runs.{name}.nodes: {run.nodes} nodes never start on a cluster with max_nodes "
                f"{settings.cluster.node_limit}: raise trainup:cluster.max_nodes or ask for fewer"
            )
    if loop := _loop(settings):
        shown = loop if len(loop) <= MOST_SHOWN else [*loop[: MOST_SHOWN // 2], "…", *loop[-MOST_SHOWN // 2 :]]
        problems.append(f"trainup:runs: {' → '.join(shown)}: runs that wait for each other never start")
    return problems


def _reference_problems(given: Mapping[str, Any]) -> list[str]:
    """What names a run or data that are not there, where other sections hold mistakes."""
    runs, data = dict(_maps(given.get("runs"))), given.get("data")
    problems = []
    for name, settings in runs.items():
        try:
            run = RunSettings.model_validate(settings)
        except ValidationError:
            continue
        problems += _references(name, run, given["runs"], data if isinstance(data, dict) else {})
    return problems


def _references(name: str, run: RunSettings, runs: Collection[str], data: Collection[str]) -> list[str]:
    problems = []
    for upstream in run.after or ():
        if upstream not in runs:
            sentence = suggest.unknown(upstream, runs, f"there is no run {upstream!r}")
            problems.append(f"trainup:runs.{name}.after: {sentence}")
    for key, item in (run.inputs or {}).items():
        at = f"trainup:runs.{name}.inputs.{key}"
        if item.run and item.run not in runs:
            sentence = suggest.unknown(item.run, runs, f"there is no run {item.run!r}")
            problems.append(f"{at}.run: {sentence}")
        if item.data and item.data not in data:
            sentence = suggest.unknown(item.data, data, f"there is no {item.data!r} in trainup:data")
            problems.append(f"{at}.data: {sentence}")
    return problems


def _is_wrong_on_azure(location: Sequence[Any], given: Mapping[str, Any], context: Any) -> bool:
    """Whether what is wrong on this machine would be wrong on Azure as well."""
    try:
        AzureSettings.model_validate({**given, AZURE_NATIVE: {}}, context=context)
    except ValidationError as error:
        return any(tuple(location[: len(item["loc"])]) == item["loc"] for item in error.errors())
    return False


def _loop(settings: AnySettings) -> list[str] | None:
    """Runs that wait for each other, the first one again at the end; None where there are none."""
    try:
        TopologicalSorter(_upstream(settings)).prepare()
    except CycleError as error:
        loop: list[str] = error.args[1]
        return loop[::-1]  # each after the one that it waits for; told the other way round
    return None


def order(settings: AnySettings) -> list[str]:
    """The names of the runs, every run after those it waits for."""
    return list(TopologicalSorter(_upstream(settings)).static_order())


def _upstream(settings: AnySettings) -> dict[str, list[str]]:
    return {
        name: [upstream for upstream in run.upstream if upstream in settings.runs]
        for name, run in settings.runs.items()
    }


def _path(location: tuple[int | str, ...]) -> str:
    if location[0] == AZURE_NATIVE:
        return f"azure-native:{location[1]}"
    path = ""
    for part in location:
        if part == "[key]":
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return _place(str(location[0])) + path.removeprefix(str(location[0]))


def _reason(error: Any, model: type[AnySettings]) -> str:
    if error["type"] == "extra_forbidden":
        *path, key = error["loc"]
        return suggest.unknown(key, keys_of(model, path))
    if error["loc"][0] == AZURE_NATIVE and is_config_secret(f"azure-native:{error['loc'][1]}"):
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


def _is_secret(key: str) -> bool:
    return is_config_secret(_place(key))
