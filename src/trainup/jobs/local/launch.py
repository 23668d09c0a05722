"""The command and the environment variables with which this machine executes a run's definition."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from trainup.core import network, scoring
from trainup.core.commands import EXPRESSION
from trainup.core.errors import UserError
from trainup.jobs.local import links
from trainup.jobs.local.run_record import RunDefinition
from trainup.jobs.local.workspace import CODE, RunFolder, Workspace
from trainup.jobs.serving import batch

INHERITED = re.compile(
    r"HOME|USER|LOGNAME|PATH|SHELL|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|XDG_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|CUDA_\w+|NVIDIA_\w+|NCCL_\w+|OMP_\w+|TORCH_HOME|HF_HOME|FASTAI_HOME"
)
"""Variables of the caller that a command inherits: those that programs need, and no credentials of the user."""


class LaunchError(UserError):
    """The command cannot be carried out on this machine."""


def environment_folder(workspace: Workspace, image: str) -> Path:
    """Where the environment of an image reference (`venv@sha256:…`) lies."""
    return workspace.environments / image.rsplit(":", 1)[-1][:24]


def argv(workspace: Workspace, folder: RunFolder, definition: RunDefinition, anchor: str | None = None) -> list[str]:
    """The words of the command: inputs and outputs filled in, and torchrun before it where it is distributed.

    `anchor` is the address of the run's folder, as `links.anchor` tells it.
    """
    spec = definition.spec
    words = [_filled(word, anchor or str(folder.path), definition.data_inputs) for word in spec["command"]]
    if spec.get("shell"):
        return ["bash", "-c", *words]
    if words[0] in ("python", "python3") and not spec.get("image"):
        words[0] = getattr(sys, "_base_executable", sys.executable)
    if spec.get("distribution") or spec["nodes"] > 1:
        # Everything on this machine: the nodes of a local run are slots, so one launcher starts all ranks.
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nnodes=1", f"--nproc-per-node={processes(spec)}"]
        words[1:1] = [*launcher, f"--log-dir={folder.raw_ranks}", "--redirects=0", "--tee=3"]
    return words


def processes(spec: Mapping[str, Any]) -> int:
    """How many processes of the script work together."""
    return int(spec["nodes"]) * int(spec.get("distribution", {}).get("process_count_per_node", 1))


def inherited(caller: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that runs, and what watches over them, may see."""
    result = {
        name: value for name, value in caller.items() if INHERITED.fullmatch(name) or network.VARIABLE.fullmatch(name)
    }
    return result | network.direct(result)


def detached(words: Sequence[str], log: BinaryIO, descriptors: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
    """Start a process of trainup's own that outlives this one: it has its own session, and writes into a log."""
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        pass_fds=descriptors,
        cwd="/",
        env=inherited(os.environ),
    )


def variables(
    workspace: Workspace,
    folder: RunFolder,
    definition: RunDefinition,
    secrets: Mapping[str, str],
    caller: Mapping[str, str] = os.environ,
    anchor: str | None = None,
) -> dict[str, str]:
    """The whole environment of the command; `anchor` as for `argv`."""
    spec = definition.spec
    result = inherited(caller)
    if image := spec.get("image"):
        environment = environment_folder(workspace, image)
        result["PATH"] = f"{environment / 'bin'}:{result.get('PATH', os.defpath)}"
        result["VIRTUAL_ENV"] = str(environment)
    result["PYTHONUNBUFFERED"] = "1"  # live lines
    result |= spec.get("environment_variables", {})
    result |= secrets
    result |= network.direct(result)  # a proxy of the run's own is for the world outside too
    if scoring.is_scoring(spec.get("command") or ()):
        result[scoring.VARIABLE] = batch.program()
    result["TRAINUP_RUN"] = folder.name
    result["TRAINUP_TOKEN"] = definition.token
    result["TRAINUP_OUTPUT_DIR"] = str(folder.outputs)
    result["TRAINUP_CHECKPOINT_DIR"] = str(checkpoints(folder, definition))
    if anchor and anchor != str(folder.path):
        result["TRAINUP_OUTPUT_DIR"] = f"{anchor}/{folder.outputs.name}"
        result["TRAINUP_CHECKPOINT_DIR"] = f"{anchor}/{links.CHECKPOINTS}"
        result["PWD"] = f"{anchor}/{folder.code.name}"  # what shells take for the name of where they are
    return result


def checkpoints(folder: RunFolder, definition: RunDefinition) -> Path:
    """Where all attempts of one run keep what they resume from."""
    return folder.path.parent / ".checkpoints" / definition.id


def named_outputs(folder: RunFolder, spec: Mapping[str, Any]) -> list[Path]:
    """Where the named outputs go: each is a folder among the run's outputs."""
    return [folder.outputs / name for name in spec.get("outputs", {})]


def reproduce(workspace: Workspace, folder: RunFolder, definition: RunDefinition) -> str:
    """A shell command that runs an attempt's code by hand, in its environment."""
    spec = definition.spec
    variables = spec.get("environment_variables", {})
    settings = [f"{shlex.quote(name)}={shlex.quote(value)}" for name, value in variables.items()]
    settings += [f"{shlex.quote(name)}=…" for name in spec.get("secrets", [])]
    if scoring.is_scoring(spec.get("command") or ()):
        settings.append(batch.SETTING)
    if image := spec.get("image"):
        settings.append(f'PATH={shlex.quote(str(environment_folder(workspace, image) / "bin"))}:"$PATH"')
    # A link to the run's folder goes with the run, so the way there leads from its code.
    anchor = None if links.is_plain(str(folder.path)) else ".."
    words = [shlex.quote(word) for word in argv(workspace, folder, definition, anchor)]
    if settings:
        # A shell cannot assign to every name that `env` accepts, and some names look like options.
        words = ["env", *(["--"] if any(name.startswith("-") for name in variables) else []), *settings, *words]
    code = f"{workspace.shown(folder.path)}/{CODE}"
    return f"cd {shlex.quote(code)} && {' '.join(words)}"


def _filled(word: str, anchor: str, data_inputs: Mapping[str, Mapping[str, str]]) -> str:
    def value(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        if kind == "outputs":
            return f"{anchor}/outputs/{name}"
        # A name that is no input stays as it is; checking the run's inputs has refused it.
        if name not in data_inputs:
            return match[0]
        if (literal := data_inputs[name].get("value")) is not None:
            return literal
        link = links.link_of(name, data_inputs[name])
        return f"{anchor}/{link}" if link else links.address_of(data_inputs[name])

    return EXPRESSION.sub(value, word)
