"""A stack's state, read through the Pulumi CLI."""

import json
import os
import subprocess
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trainup.core import background, targets
from trainup.core.errors import UserError
from trainup.core.project import PROJECT_FILES, nearest_folder
from trainup.core.texts import decode
from trainup.toolchain import environment, passphrase, pulumi_cli, stacks

RUN_TYPE, SWEEP_TYPE = "trainup:index:Run", "trainup:index:Sweep"
MODEL_TYPE = "trainup:index:ModelVersion"
GATE_TYPE = "trainup:index:LiveModel"
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key that marks a secret in a state."""


class StackError(UserError):
    """The stack cannot be read; the message is the CLI's own."""


class NoStack(StackError):
    """The backend has no stack of this name."""


@dataclass(frozen=True)
class Stack:
    """One stack's state."""

    name: str
    project: str
    resources: list[dict[str, Any]]

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack outputs of the last `up` that succeeded."""
        for resource in self.resources:
            if resource["type"] == "pulumi:pulumi:Stack":
                return dict(resource.get("outputs", {}))
        return {}

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        """Run → its resource; resources that are about to be deleted are left out."""
        return self._by_run(RUN_TYPE)

    @property
    def sweeps(self) -> dict[str, dict[str, Any]]:
        """Sweep → its resource, likewise."""
        return self._by_run(SWEEP_TYPE)

    def _by_run(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            str(resource["inputs"]["run"]): resource
            for resource in self.resources
            if resource["type"] == kind and not resource.get("delete")
        }

    def owns(self, urn: str) -> bool:
        """Whether a URN belongs to this stack."""
        return urn.startswith(f"urn:pulumi:{self.name}::{self.project}::")


def open_stack(name: str) -> tuple[Stack, Path]:
    """A stack's state, and its project's folder. Sets the environment variables with which the CLI finds the stack."""
    project = project_folder(Path.cwd())
    if name not in _begun:
        _find_backend(name)
    return read(name), project


_begun: dict[str, "Future[list[dict[str, Any]]]"] = {}
"""Stack → its resources, which the CLI has been asked for and nobody has read yet."""


def begin_to_read(name: str) -> None:
    """Let the CLI read a stack's state while the caller does something else: the next `open_stack` gets its answer."""
    project_folder(Path.cwd())
    _find_backend(name)
    _begun[name] = background.begin(lambda: _export(name))


def _find_backend(name: str) -> None:
    """Set the environment variables with which the CLI finds the stack."""
    os.environ |= environment.surroundings()
    if cli := pulumi_cli.for_reading():
        os.environ |= environment.variables(cli, name, is_local=stacks.is_local(name))
    passphrase_file = passphrase.find()
    if passphrase_file and not any(os.environ.get(variable) for variable in stacks.OWN):
        os.environ["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase_file)


def read(name: str) -> Stack:
    """Export a stack's state. Secrets of runs on Azure are decrypted, since their logs are masked here. StackError."""
    resources = _begun.pop(name).result() if name in _begun else _export(name)
    if any(_inputs_with_secrets(resource) for resource in resources):
        try:
            shown = _export(name, "--show-secrets")
        except StackError as error:
            raise StackError(f"the secrets of {name} are needed to mask what its runs printed: {error}") from error
        secrets_by_urn = {
            resource["urn"]: inputs["secrets"] for resource in shown if (inputs := _inputs_with_secrets(resource))
        }
        for resource in resources:
            if inputs := _inputs_with_secrets(resource):
                inputs["secrets"] = _revealed(secrets_by_urn.get(resource["urn"], {}))
    return Stack(name.rsplit("/", 1)[-1], project_name(Path.cwd()), resources)


def secret_texts(name: str, stack: Stack) -> list[str]:
    """The values of all secrets of the stack's runs, to be masked in what is shown. StackError if they are locked."""
    if not any((resource["inputs"].get("secrets")) for resource in (*stack.runs.values(), *stack.sweeps.values())):
        return []
    secrets = [(resource.get("inputs") or {}).get("secrets") for resource in _export(name, "--show-secrets")]
    return [text for one in secrets if one for text in _revealed(one).values() if isinstance(text, str)]


def revealed_inputs(name: str, resource: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a run's resource with the values of its secrets. StackError if they are locked."""
    inputs: dict[str, Any] = dict(resource.get("inputs") or {})
    if inputs.get("secrets"):
        shown = next((one for one in _export(name, "--show-secrets") if one["urn"] == resource["urn"]), resource)
        inputs["secrets"] = _revealed(shown["inputs"]["secrets"])
    return inputs


def _inputs_with_secrets(resource: dict[str, Any]) -> dict[str, Any] | None:
    inputs: dict[str, Any] = resource.get("inputs") or {}
    is_masked = (
        resource["type"] in (RUN_TYPE, SWEEP_TYPE)
        and targets.is_elsewhere(inputs.get("target"))
        and inputs.get("secrets")
    )
    return inputs if is_masked else None


def _revealed(value: Any) -> Any:
    """The value with each secret replaced by its plain text, which `--show-secrets` has exported."""
    if not isinstance(value, dict):
        return value
    if SIGNATURE in value:
        return _revealed(json.loads(value.get("plaintext", "null")))
    return {key: _revealed(item) for key, item in value.items()}


def _export(name: str, *options: str) -> list[dict[str, Any]]:
    words = ["pulumi", "stack", "export", "--stack", name, *options]
    process = _ask(*words[1:])
    if process.returncode != 0 and "no stack named" in process.stderr:
        raise NoStack(
            f"there is no stack {name!r}: `pulumi up` creates a new one, and `pulumi stack ls` lists the others"
        )
    if process.returncode != 0:
        raise StackError(process.stderr.strip())
    try:
        deployment = json.loads(process.stdout).get("deployment") or {}
    except (ValueError, AttributeError) as error:
        raise StackError(f"`{' '.join(words)}` printed no state: {error}") from error
    return list(deployment.get("resources") or [])


def _ask(*words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(["pulumi", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise StackError("there is no Pulumi CLI on this machine: run `trainup setup` first") from error


def project_folder(start: Path) -> Path:
    """The folder of Pulumi.yaml: `start`, or the nearest folder above. Raises StackError."""
    folder = nearest_folder(start)
    if folder is None:
        raise StackError(f"there is no Pulumi.yaml in {start} or above: change to the project's folder")
    return folder


def project_name(start: Path) -> str:
    """The `name` in Pulumi.yaml. Raises StackError where it cannot be read."""
    folder = project_folder(start)
    path = next(folder / name for name in PROJECT_FILES if (folder / name).is_file())
    try:
        text = decode(path.read_bytes())
        return str((json.loads(text) if path.suffix == ".json" else yaml.safe_load(text))["name"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise StackError(f"{path} has no `name` that can be read: {error}") from error
