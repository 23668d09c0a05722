"""The one place that reads the stack's configuration: typed, strict, every problem in one message."""

import json
import shlex
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from trainup.core.duration import parse_duration
from trainup.core.naming import check_run_name
from trainup.core.spec import OnDelete, OnFailure, OnInterrupt


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _words(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


def _texts(value: Any) -> Any:
    """Arguments may be written as YAML numbers: `[--epochs, 5]`."""
    if isinstance(value, list):
        return [str(item) if isinstance(item, (int, float)) and not isinstance(item, bool) else item for item in value]
    return value


def _run_name(value: Any) -> Any:
    if isinstance(value, str) and (problem := check_run_name(value)):
        raise ValueError(problem)
    return value


def _length_of_time(value: Any) -> Any:
    if isinstance(value, (str, int, float)):
        parse_duration(value)
        return str(value)
    return value


Words = Annotated[list[str], BeforeValidator(_texts), BeforeValidator(_words)]
RunName = Annotated[str, BeforeValidator(_run_name)]
LengthOfTime = Annotated[str, BeforeValidator(_length_of_time)]


class WorkspaceSettings(_Section):
    """`trainup:workspace`."""

    path: str | None = None
    """Folder of the local workspace; `.trainup/<stack>` when not given."""
    tracking: str = "server"


class ClusterSettings(_Section):
    """`trainup:cluster`."""

    name: str = "gpu-cluster"
    max_nodes: int = Field(default=1, ge=1)


class ImageSettings(_Section):
    """`trainup:image`."""

    requirements: str | None = None
    python: str | None = None


class DistributionSettings(_Section):
    """`distribution` of a run."""

    type: Literal["pytorch"] = "pytorch"
    process_count_per_node: int = Field(default=1, ge=1)


class RunSettings(_Section):
    """One entry of `trainup:runs`."""

    source: str | None = None
    script: str | None = None
    arguments: Words | None = None
    command: Words | None = None
    environment_variables: dict[str, str] | None = None
    secrets: list[str] | None = None
    """Names of config secrets, handed to the run as environment variables of the same name."""
    after: list[RunName] | None = None
    distribution: DistributionSettings | None = None
    nodes: int | None = Field(default=None, ge=1)
    size: str | None = None
    rerun: Annotated[str, BeforeValidator(str)] | None = None
    allow_secrets: list[str] | None = None
    display_name: str | None = None
    description: str | None = None
    experiment_name: str | None = None
    tags: dict[str, str] | None = None
    timeout: LengthOfTime | None = None
    retries: int | None = Field(default=None, ge=0)
    wait: bool | None = None
    on_failure: OnFailure | None = None
    on_interrupt: OnInterrupt | None = None
    on_delete: OnDelete | None = None


class Settings(_Section):
    """All of a stack's configuration."""

    target: Literal["local"] = "local"
    workspace: WorkspaceSettings = WorkspaceSettings()
    cluster: ClusterSettings = ClusterSettings()
    image: ImageSettings = ImageSettings()
    runs: dict[RunName, RunSettings] = {}


def load() -> Settings:
    """The settings of the current stack; `pulumi.RunError` with every problem at once."""
    stack = pulumi.get_stack()
    given: dict[str, Any] = {}
    problems: list[str] = []
    texts = _config()
    for key, text in texts.items():
        if key not in Settings.model_fields:
            continue
        try:
            given[key] = text if key == "target" else json.loads(text)
        except ValueError:
            problems.append(f"trainup:{key}: {text!r} is text; write a map below it")
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        problems += [f"trainup:{_path(item['loc'])}: {_reason(item)}" for item in error.errors()]
    else:
        problems += _cross_problems(settings) + _key_problems(settings, texts)
    if problems:
        listing = "\n".join(f"  {problem}" for problem in problems)
        raise pulumi.RunError(f"Pulumi.{stack}.yaml has {len(problems)} problem(s):\n{listing}")
    return settings


def _config() -> dict[str, str]:
    """Every key of the project's namespace: only so is a misspelt one noticed."""
    prefix = f"{pulumi.get_project()}:"
    config = {**get_config_env(), **CONFIG.get()}
    return {key.removeprefix(prefix): text for key, text in config.items() if key.startswith(prefix)}


def _key_problems(settings: Settings, texts: dict[str, str]) -> list[str]:
    wanted = {name for run in settings.runs.values() for name in run.secrets or ()}
    known = ", ".join(Settings.model_fields)
    problems = [
        f"trainup:{key}: there is no such key; there are {known}"
        for key in texts
        if key not in Settings.model_fields and key not in wanted
    ]
    for name in sorted(wanted):
        how = f"set it with `pulumi config set --secret trainup:{name}`"
        if name not in texts:
            problems.append(f"trainup:{name}: a run asks for this secret, and it is not set; {how}")
        elif not is_config_secret(f"{pulumi.get_project()}:{name}"):
            problems.append(f"trainup:{name}: it is a secret of a run, but stored as plain text; {how}")
    return problems


def secret(name: str) -> pulumi.Output[str]:
    """A config secret, wrapped: it is never plain text in the program."""
    return pulumi.Config("trainup").require_secret(name)


def _cross_problems(settings: Settings) -> list[str]:
    problems = []
    for name, run in settings.runs.items():
        for upstream in run.after or ():
            if upstream not in settings.runs:
                known = ", ".join(settings.runs)
                problems.append(f"trainup:runs.{name}.after: there is no run {upstream!r}; there are {known}")
        if (run.nodes or 1) > settings.cluster.max_nodes:
            problems.append(
                f"trainup:runs.{name}.nodes: {run.nodes} nodes never start on a cluster with max_nodes "
                f"{settings.cluster.max_nodes}: raise trainup:cluster.max_nodes or ask for fewer"
            )
    if loop := _loop(settings):
        problems.append(f"trainup:runs: {' → '.join(loop)}: runs that wait for each other never start")
    return problems


def _loop(settings: Settings) -> list[str] | None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in settings.runs:
            return None
        for upstream in settings.runs[name].after or ():
            if found := visit(upstream, [*path, name]):
                return found
        done.add(name)
        return None

    return next((found for name in settings.runs if (found := visit(name, []))), None)


def order(settings: Settings) -> list[str]:
    """The names of the runs, every run after those it waits for."""
    result: list[str] = []

    def visit(name: str) -> None:
        for upstream in settings.runs[name].after or ():
            visit(upstream)
        if name not in result:
            result.append(name)

    for name in settings.runs:
        visit(name)
    return result


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if part == "[key]":
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    return str(error["msg"]).removeprefix("Value error, ")
