"""A command job of Azure ML's CLI v2 (`az ml job create --file`) as the definition of a run."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainup.core import suggest, written
from trainup.core.input_assets import OUTPUT_TYPES
from trainup.core.texts import decode
from trainup.jobs import bounded

Definition = dict[str, Any]
"""The inputs of a run in the file, by the names in `core/run_keys.py`; `shell_command` is its command."""

NOT_HERE = {
    "name": "trainup names jobs itself, by what they are",
    "parent_job_name": "a run of trainup stands by itself",
    "services": "trainup opens no services on nodes",
    "properties": "properties of a job are trainup's own; use tags",
}
IDENTITIES = {"user_identity": "user", "aml_token": "token", "managed": "cluster", "managed_identity": "cluster"}
DATA_TYPES = ("uri_folder", "uri_file", "mltable", "custom_model", "mlflow_model", "triton_model")
THIS_MACHINE = "local"
"""How the CLI calls a compute that is the machine it runs on."""
LITERALS = ("string", "number", "integer", "boolean")
COUNTS = {
    "process_count_per_instance": "process_count_per_node",
    "worker_count": "worker_count",
    "parameter_server_count": "parameter_server_count",
}
ENVIRONMENT = ("image", "name", "version", "description", "tags", "os_type")
_ASSET = re.compile(
    r"azureml:(?://registries/[^/]+/[^/]+/[^/]+/versions/[^/]+|/subscriptions/.+/versions/[^/]+|[^:@/]+:[^:@/]+)"
)
"""What names a version of an environment or of data, here or in a registry."""
_PATH = re.compile(r"(?!azureml://(?:registries|locations)/.+/labels/)[a-z]+://.+")
"""An address. Labels of assets are excluded: they move, and the data would change without a change of the file."""


def read(project: Path, path: str) -> tuple[Definition, list[str]]:
    """(the inputs in the file, one finding with its key for everything that is wrong)."""
    import yaml

    from trainup.jobs.job_yaml import load

    file = project / path
    try:
        data = bounded.read_bytes(file)
    except (OSError, ValueError) as error:  # also a path that cannot be one
        return {}, [f"{path} cannot be read: {error}; `job` is a path relative to Pulumi.yaml"]
    try:
        text = decode(data)
    except ValueError as error:
        return {}, [f"{path} cannot be read: {error}"]
    try:
        content = load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # of a date in month 99, of ten thousand brackets
        return {}, [f"{path} is no YAML: {error}"]
    if not isinstance(content, dict):
        return {}, [f"{path} is no job: it is a map with `command`, `environment` and so on"]
    reader = _Reader(path, os.path.dirname(path))
    return reader.read(content), reader.problems


class _Reader:
    """Parses a file key by key, and adds a finding for each unknown key."""

    def __init__(self, path: str, folder: str) -> None:
        self._path, self._folder = path, folder
        self.problems: list[str] = []

    def read(self, content: Mapping[str, Any]) -> Definition:
        parsers: dict[str, Callable[[str, Any], Definition]] = {
            "$schema": lambda key, value: {},
            "type": self._type,
            "command": lambda key, value: self._text(key, value, "shell_command"),
            "code": self._code,
            "environment": self._environment,
            "compute": self._compute,
            "inputs": lambda key, value: {"inputs": self._each(key, value, self._input)},
            "outputs": lambda key, value: {"outputs": self._each(key, value, self._output)},
            "distribution": self._distribution,
            "resources": self._resources,
            "limits": self._limits,
            "environment_variables": lambda key, value: {key: self._each(key, value, self._plain)},
            "tags": lambda key, value: {key: self._each(key, value, self._plain)},
            "display_name": self._text,
            "description": self._text,
            "experiment_name": self._text,
            "identity": self._identity,
            "queue_settings": self._queue,
        }
        result: Definition = {}
        for key, value in content.items():
            if key in NOT_HERE:
                self._problem(key, f"{NOT_HERE[key]}; remove it")
            elif key not in parsers:
                self._problem(str(key), suggest.unknown(key, parsers, "a command job has no such key"))
            elif value is not None:
                result |= parsers[key](key, value)
        if content.get("command") is None:
            self._problem("command", "it is missing: it is what the job runs")
        return result

    def _problem(self, key: str, reason: str) -> None:
        self.problems.append(f"{self._path}: {key}: {reason}")

    def _text(self, key: str, value: Any, name: str | None = None) -> Definition:
        if not isinstance(value, str):
            self._problem(key, _no_text(value))
            return {}
        if not value.strip():
            self._problem(key, f"{value!r} is no text")
            return {}
        return {name or key: value}

    def _map(self, key: str, value: Any, names: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._problem(key, f"{value!r} is no map; it has {', '.join(names)}")
            return {}
        for name in value.keys() - set(names):
            self._problem(f"{key}.{name}", suggest.unknown(name, names, "there is no such key here"))
        return {name: value[name] for name in names if value.get(name) is not None}

    def _each(self, key: str, value: Any, parse: Callable[[str, Any], Any]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._problem(key, f"{value!r} is no map of names to values")
            return {}
        for name in value:
            if problem := _no_text(name) if name is None else written.problem(name):
                self._problem(f"{key}.{name}", problem)
        items = {str(name): parse(f"{key}.{name}", item) for name, item in value.items()}
        return {name: item for name, item in items.items() if item is not None}

    def _plain(self, key: str, value: Any) -> str | None:
        """A text, or what YAML takes for a number, a boolean or a date and is the same text again."""
        if problem := written.problem(value):
            self._problem(key, problem)
            return None
        if isinstance(value, (dict, list)) or value is None:
            self._problem(key, _no_text(value))
            return None
        return str(value)

    def _number(self, name: str, value: Any, key: str) -> Definition:
        if not isinstance(value, (int, float)):
            self._problem(key, f"{written.shown(value)} is no number")
            return {}
        return {name: value}

    def _string(self, name: str, value: Any, key: str) -> Definition:
        text = self._plain(key, value)
        return {} if text is None else {name: text}

    def _type(self, key: str, value: Any) -> Definition:
        if value != "command":
            self._problem(key, f"{value!r} is another kind of job: trainup runs jobs of the type command")
        return {}

    def _code(self, key: str, value: Any) -> Definition:
        if not isinstance(value, str) or re.match(r"(azureml|git|https?)[:+]", value):
            self._problem(key, f"{value!r} is no folder on this machine, and trainup uploads the code itself")
            return {}
        return {"source": os.path.normpath(os.path.join(self._folder, value))}

    def _environment(self, key: str, value: Any) -> Definition:
        if isinstance(value, str):
            name = value if value.startswith("azureml:") else f"azureml:{value}"
            if _ASSET.fullmatch(name):
                return {"image": name}
            self._problem(
                key, f"{value!r} names no version, and what runs must not change by itself: azureml:NAME:VERSION"
            )
            return {}
        if isinstance(value, dict) and (more := value.keys() - set(ENVIRONMENT)):
            names = ", ".join(sorted(map(str, more)))
            self._problem(key, f"trainup takes an image here, and {names} is more: build it by trainup:image")
            return {}
        settings = self._map(key, value, ENVIRONMENT)
        return self._text(f"{key}.image", settings.get("image"), "image") if isinstance(value, dict) else {}

    def _compute(self, key: str, value: Any) -> Definition:
        name = value.removeprefix("azureml:") if isinstance(value, str) else ""
        if not name.strip() or value == THIS_MACHINE:
            self._problem(key, f"{value!r} is no cluster; to run here, take a stack with `target: local`")
            return {}
        is_whole = name == "serverless" or name.startswith("/")
        return {"cluster": name if is_whole else f"azureml:{name}"}

    def _input(self, key: str, value: Any) -> dict[str, str] | None:
        if not isinstance(value, dict):
            text = self._plain(key, value)
            return None if text is None else {"value": text}
        settings = self._map(key, value, ("type", "path", "mode", "value", "default", "description"))
        kind = settings.get("type", "uri_folder")
        if kind in LITERALS:
            literal = settings.get("value", settings.get("default"))
            if literal is None:
                self._problem(key, "it has no value")
                return None
            text = self._plain(f"{key}.{'value' if 'value' in settings else 'default'}", literal)
            return None if text is None else {"value": text}
        if kind not in DATA_TYPES:
            self._problem(
                f"{key}.type", f"{kind!r} is none of {', '.join(DATA_TYPES)}, string, number, integer, boolean"
            )
            return None
        path = settings.get("path")
        if not isinstance(path, str) or not re.match(r"azureml:|[a-z]+://", path):
            self._problem(f"{key}.path", f"{path!r} is not in Azure: put the data into a datastore and name it here")
            return None
        if not _ASSET.fullmatch(path) and not _PATH.fullmatch(path):
            self._problem(f"{key}.path", f"{path!r} names no version: azureml:NAME:VERSION")
            return None
        # Azure gives no digest of the content, so the address is the identity.
        result = {"uri": path, "digest": path}
        return result | {name: str(settings[name]) for name in ("type", "mode") if name in settings}

    def _output(self, key: str, value: Any) -> dict[str, str]:
        settings = self._map(key, value or {}, ("type", "path", "mode", "description"))
        if settings.get("type", "uri_folder") not in OUTPUT_TYPES:
            self._problem(
                f"{key}.type", f"{settings['type']!r} is none of {', '.join(OUTPUT_TYPES)}: outputs are folders"
            )
        renamed = {"path": "uri", "mode": "mode", "type": "type"}
        return {renamed[name]: str(settings[name]) for name in renamed if name in settings}

    def _distribution(self, key: str, value: Any) -> Definition:
        settings = self._map(key, value, ("type", *COUNTS))
        counts = [self._number(COUNTS[name], settings[name], f"{key}.{name}") for name in COUNTS if name in settings]
        numbers = {name: number for count in counts for name, number in count.items()}
        return {"distribution": {"type": str(settings.get("type", "")).lower(), **numbers}}

    def _resources(self, key: str, value: Any) -> Definition:
        settings = self._map(key, value, ("instance_count", "instance_type", "shm_size", "docker_args"))
        result: Definition = {}
        if "instance_count" in settings:
            result |= self._number("nodes", settings["instance_count"], f"{key}.instance_count")
        for name in ("instance_type", "shm_size", "docker_args"):
            if name in settings:
                renamed = "size" if name == "instance_type" else name
                result |= self._string(renamed, settings[name], f"{key}.{name}")
        return result

    def _limits(self, key: str, value: Any) -> Definition:
        settings = self._map(key, value, ("timeout",))
        if "timeout" not in settings:
            return {}
        seconds = settings["timeout"]
        if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 1:
            self._problem(f"{key}.timeout", f"{written.shown(seconds)} is no number of seconds")
            return {}
        return {"timeout": f"{seconds}s"}

    def _identity(self, key: str, value: Any) -> Definition:
        settings = self._map(key, value, ("type", "client_id"))
        kind = settings.get("type")
        if not isinstance(kind, str) or kind not in IDENTITIES:
            self._problem(f"{key}.type", f"{kind!r} is none of {', '.join(IDENTITIES)}")
            return {}
        return self._string("identity", settings.get("client_id", IDENTITIES[kind]), f"{key}.client_id")

    def _queue(self, key: str, value: Any) -> Definition:
        settings = self._map(key, value, ("job_tier",))
        return {"queue_tier": str(settings["job_tier"]).lower()} if "job_tier" in settings else {}


def _no_text(value: Any) -> str:
    return f"{written.shown(value)} is no text" + ("" if isinstance(value, (dict, list)) else ": put it in quotes")
