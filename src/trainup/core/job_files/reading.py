"""A command job or sweep job of Azure ML's CLI v2 (`az ml job create --file`) as the definition of a run."""

import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from trainup.core import suggest, written
from trainup.core.input_assets import OUTPUT_TYPES
from trainup.core.job_files import assets, environments, kinds
from trainup.core.job_files.values import Definition, Values
from trainup.core.sweeps.places import KEYS as SWEEP_KEYS

NOT_HERE = {
    "name": "trainup names jobs itself, by what they are",
    "parent_job_name": "a run of trainup stands by itself",
    "properties": "properties of a job are trainup's own; use tags",
}
TRIAL_KEYS = frozenset(
    {"command", "code", "environment", "environment_variables", "distribution", "resources", "queue_settings"}
)
"""Keys of a command job that a sweep job has in its `trial`."""
BOTH = frozenset({"resources", "queue_settings"})
"""Those of them that a sweep job may have outside of it instead."""
JOB_KEYS = frozenset(
    {
        *TRIAL_KEYS,
        *("$schema", "type", "compute", "inputs", "outputs", "limits", "tags", "display_name", "description"),
        *("experiment_name", "identity", "services"),
    }
)
IDENTITIES = {"user_identity": "user", "aml_token": "token", "managed": "cluster", "managed_identity": "cluster"}
DATA_TYPES = ("uri_folder", "uri_file", "mltable", "custom_model", "mlflow_model", "triton_model")
THIS_MACHINE = "local"
"""How the CLI calls a compute that is the machine it runs on."""
FILE = "file:"
SERVICES = ("jupyter_lab", "ssh", "tensor_board", "vs_code")
ALL_NODES = "all"
SERVICE_PROPERTIES = {"log_dir": "logDir", "ssh_public_keys": "sshPublicKeys"}
"""Key of a service → the property of the service that it sets."""
LITERALS = ("string", "number", "integer", "boolean")
COUNTS = {
    "process_count_per_instance": "process_count_per_node",
    "worker_count": "worker_count",
    "parameter_server_count": "parameter_server_count",
}
_PATH = re.compile(r"(?!azureml://(?:registries|locations)/.+/labels/)[a-z]+://.+")
"""An address. Labels of assets are excluded: they move, and the data would change without a change of the file."""


def read(project: Path, path: str) -> tuple[Definition, list[str]]:
    """(the inputs in the file, one finding with its key for everything that is wrong)."""
    from trainup.core.job_files.loading import NoYaml, read_yaml

    try:
        content = read_yaml(project / path)
    except NoYaml as error:
        return {}, [f"{path} is no YAML: {error}"]
    except OSError as error:
        return {}, [f"{path} cannot be read: {error}; `job` is a path relative to Pulumi.yaml"]
    except ValueError as error:  # a path that cannot be one, or an unknown encoding
        return {}, [f"{path} cannot be read: {error}"]
    if not isinstance(content, dict):
        return {}, [f"{path} is no job: it is a map with `command`, `environment` and so on"]
    if kind := kinds.other_kind(content):
        what, _, way_out = kind.partition(": ")
        sentence = f"{path} is {what}, and {kinds.RUNS} (`type: command`, `type: sweep`, or their `$schema`)"
        return {}, [f"{sentence}: {way_out}" if way_out else sentence]
    if kinds.is_sweep(content):
        return _read_sweep(project, path, content)
    reader = _Reader(project, path)
    definition = reader.read(content, "a command job", JOB_KEYS)
    if content.get("command") is None:
        reader.problem("command", "it is missing: it is what the job runs")
    return definition, reader.problems


def _read_sweep(project: Path, path: str, content: Mapping[str, Any]) -> tuple[Definition, list[str]]:
    """A sweep job: what its trials run, and `sweep`, its declaration, which is empty where it is wrong."""
    around = _Reader(project, path)
    outer = {key: value for key, value in content.items() if key not in (*SWEEP_KEYS, "type", "trial")}
    definition = around.read(outer, "a sweep job", (JOB_KEYS - TRIAL_KEYS) | BOTH | {*SWEEP_KEYS, "trial"})
    # Imported here, since every program and every plugin reads job files, and few files have sweeps.
    from trainup.core.sweeps.parsing import parse_sweep

    sweep, findings = parse_sweep({key: content[key] for key in SWEEP_KEYS if key in content})
    for finding in findings:
        around.problem(finding.key, finding.reason)
    inner = _Reader(project, path, "trial.")
    trial = content.get("trial")
    if not isinstance(trial, dict):
        what = "it is missing" if trial is None else f"{written.shown(trial)} is no map"
        around.problem("trial", f"{what}: it has the `command`, the `environment` and so on of every trial")
        trial = {}
    elif trial.get("command") is None:
        inner.problem("command", "it is missing: it is what each trial runs")
    for key in sorted(name for name in BOTH if outer.get(name) is not None and trial.get(name) is not None):
        around.problem(key, "it is a key of `trial` too: keep one of the two")
    definition |= inner.read(trial, "a trial", TRIAL_KEYS)
    return {**definition, "sweep": sweep.to_wire() if sweep else {}}, around.problems + inner.problems


class _Reader:
    """Parses a file key by key, and adds a finding for each unknown key."""

    def __init__(self, project: Path, path: str, prefix: str = "") -> None:
        """`prefix` is what stands before each key in findings."""
        self._project, self._folder = project, os.path.dirname(path)
        self._values = Values(path, prefix)
        self.problem = self._values.problem

    @property
    def problems(self) -> list[str]:
        """One finding, with its key, for everything that is wrong."""
        return self._values.problems

    def read(self, content: Mapping[str, Any], what: str, names: Collection[str]) -> Definition:
        """The inputs in a map, which `what` is called and has these keys."""
        parsers: dict[str, Callable[[str, Any], Definition]] = {
            "$schema": lambda key, value: {},
            "type": self._type,
            "command": lambda key, value: self._values.text(key, value, "shell_command"),
            "code": self._code,
            "environment": self._environment,
            "compute": self._compute,
            "inputs": lambda key, value: {"inputs": self._values.each(key, value, self._input)},
            "outputs": lambda key, value: {"outputs": self._values.each(key, value, self._output)},
            "distribution": self._distribution,
            "resources": self._resources,
            "limits": self._limits,
            "environment_variables": lambda key, value: {key: self._values.each(key, value, self._values.plain)},
            "tags": lambda key, value: {key: self._values.each(key, value, self._values.plain)},
            "display_name": self._values.text,
            "description": self._values.text,
            "experiment_name": self._values.text,
            "identity": self._identity,
            "queue_settings": self._queue,
            "services": lambda key, value: {key: self._values.each(key, value, self._service)},
        }
        result: Definition = {}
        for key, value in content.items():
            if key in NOT_HERE:
                self._values.problem(key, f"{NOT_HERE[key]}; remove it")
            elif key in TRIAL_KEYS - set(names):
                self.problem(key, "it is a key of `trial`: write it there")
            elif key not in names:
                known = [name for name in (*parsers, *SWEEP_KEYS, "trial") if name in names]
                self._values.problem(str(key), suggest.unknown(key, known, f"{what} has no such key"))
            elif value is not None:
                result |= parsers[key](key, value)
        return result

    def _type(self, key: str, value: Any) -> Definition:
        if value != "command":
            self._values.problem(key, f"{value!r} is another kind of job: trainup runs jobs of the type command")
        return {}

    def _code(self, key: str, value: Any) -> Definition:
        if not isinstance(value, str) or re.match(r"(azureml|git|https?)[:+]", value):
            self._values.problem(key, f"{value!r} is no folder on this machine, and trainup uploads the code itself")
            return {}
        return {"source": os.path.normpath(os.path.join(self._folder, value))}

    def _environment(self, key: str, value: Any) -> Definition:
        return environments.parse(self._values, self._project, self._folder, key, value)

    def _compute(self, key: str, value: Any) -> Definition:
        name = value.removeprefix("azureml:") if isinstance(value, str) else ""
        if not name.strip() or value == THIS_MACHINE:
            self._values.problem(key, f"{value!r} is no cluster; to run here, take a stack with `target: local`")
            return {}
        is_whole = name == "serverless" or name.startswith("/")
        return {"cluster": name if is_whole else f"azureml:{name}"}

    def _input(self, key: str, value: Any) -> dict[str, str] | None:
        if not isinstance(value, dict):
            text = self._values.plain(key, value)
            return None if text is None else {"value": text}
        settings = self._values.map(key, value, ("type", "path", "mode", "value", "default", "description"))
        kind = settings.get("type", "uri_folder")
        if kind in LITERALS:
            literal = settings.get("value", settings.get("default"))
            if literal is None:
                self._values.problem(key, "it has no value")
                return None
            text = self._values.plain(f"{key}.{'value' if 'value' in settings else 'default'}", literal)
            return None if text is None else {"value": text}
        if kind not in DATA_TYPES:
            self._values.problem(
                f"{key}.type", f"{kind!r} is none of {', '.join(DATA_TYPES)}, string, number, integer, boolean"
            )
            return None
        path = settings.get("path")
        if not isinstance(path, str) or not path.strip():
            self._values.problem(f"{key}.path", f"{path!r} is no address of data, and no path of a file or folder")
            return None
        more = {name: str(settings[name]) for name in ("type", "mode") if name in settings}
        if not re.match(r"azureml:|[a-z]+://", path) and assets.label_of(f"azureml:{path}") is None:
            return {"uri": os.path.normpath(os.path.join(self._folder, path.removeprefix(FILE)))} | more
        name = path if re.match(r"azureml:|[a-z]+://", path) else f"azureml:{path}"
        if not _PATH.fullmatch(path) and (problem := assets.problem_of(name)):
            self._values.problem(f"{key}.path", problem)
            return None
        # Azure gives no digest of the content, so the address is the identity.
        return {"uri": name, "digest": name} | more

    def _output(self, key: str, value: Any) -> dict[str, str]:
        settings = self._values.map(key, value or {}, ("type", "path", "mode", "description"))
        if settings.get("type", "uri_folder") not in OUTPUT_TYPES:
            self._values.problem(
                f"{key}.type", f"{settings['type']!r} is none of {', '.join(OUTPUT_TYPES)}: outputs are folders"
            )
        renamed = {"path": "uri", "mode": "mode", "type": "type"}
        return {renamed[name]: str(settings[name]) for name in renamed if name in settings}

    def _distribution(self, key: str, value: Any) -> Definition:
        settings = self._values.map(key, value, ("type", *COUNTS))
        counts = [
            self._values.number(COUNTS[name], settings[name], f"{key}.{name}") for name in COUNTS if name in settings
        ]
        numbers = {name: number for count in counts for name, number in count.items()}
        return {"distribution": {"type": str(settings.get("type", "")).lower(), **numbers}}

    def _resources(self, key: str, value: Any) -> Definition:
        settings = self._values.map(key, value, ("instance_count", "instance_type", "shm_size", "docker_args"))
        result: Definition = {}
        if "instance_count" in settings:
            result |= self._values.number("nodes", settings["instance_count"], f"{key}.instance_count")
        for name in ("instance_type", "shm_size", "docker_args"):
            if name in settings:
                renamed = "size" if name == "instance_type" else name
                result |= self._values.string(renamed, settings[name], f"{key}.{name}")
        return result

    def _limits(self, key: str, value: Any) -> Definition:
        settings = self._values.map(key, value, ("timeout",))
        if "timeout" not in settings:
            return {}
        seconds = settings["timeout"]
        if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 1:
            self._values.problem(f"{key}.timeout", f"{written.shown(seconds)} is no number of seconds")
            return {}
        return {"timeout": f"{seconds}s"}

    def _identity(self, key: str, value: Any) -> Definition:
        settings = self._values.map(key, value, ("type", "client_id"))
        kind = settings.get("type")
        if not isinstance(kind, str) or kind not in IDENTITIES:
            self._values.problem(f"{key}.type", f"{kind!r} is none of {', '.join(IDENTITIES)}")
            return {}
        return self._values.string("identity", settings.get("client_id", IDENTITIES[kind]), f"{key}.client_id")

    def _queue(self, key: str, value: Any) -> Definition:
        settings = self._values.map(key, value, ("job_tier",))
        return {"queue_tier": str(settings["job_tier"]).lower()} if "job_tier" in settings else {}

    def _service(self, key: str, value: Any) -> dict[str, Any] | None:
        names = ("type", "job_service_type", "port", "nodes", "properties", *SERVICE_PROPERTIES)
        settings = self._values.map(key, value, names)
        kind = settings.get("type", settings.get("job_service_type"))
        if kind not in SERVICES:
            self._values.problem(f"{key}.type", f"{kind!r} is none of {', '.join(SERVICES)}")
            return None
        result: dict[str, Any] = {"type": kind}
        if "port" in settings:
            result |= self._values.number("port", settings["port"], f"{key}.port")
        if "nodes" in settings:
            if settings["nodes"] != ALL_NODES:
                self._values.problem(f"{key}.nodes", f"{settings['nodes']!r} is not {ALL_NODES}; leave it out for one")
            result["nodes"] = ALL_NODES
        properties = self._values.each(f"{key}.properties", settings.get("properties", {}), self._values.plain)
        for name, renamed in SERVICE_PROPERTIES.items():
            if name in settings and (text := self._values.plain(f"{key}.{name}", settings[name])) is not None:
                properties[renamed] = text
        return result | ({"properties": properties} if properties else {})
