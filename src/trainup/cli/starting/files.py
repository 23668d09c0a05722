"""The texts of the files that `trainup init` writes, and their writing."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from trainup.cli.starting.packages import Packages
from trainup.cli.starting.scripts import Script
from trainup.core.naming import check_run_name
from trainup.toolchain import stack_files

PROGRAM = '''\
"""The Pulumi program: what it declares stands in Pulumi.<stack>.yaml."""

from trainup.infra import program

program.run()
'''
PROJECT = """\
name: {name}
description: Trains models with pulumi up
runtime: python
main: infra/
requiredPulumiVersion: ">=3.245.0"
"""
LOCAL = """\
# The stack of this machine: no cloud, no secrets, no Docker. `trainup up` trains what is declared here.
# `trainup schema > stack.schema.json` lets editors complete and check it (README: Declare runs).
config:
{image}{data}  trainup:runs:
    {run}:
      source: {source}                 # its content is part of the run: an edit trains again
      script: {script}
{arguments}      # arguments: [--epochs, "5"]
      # environment_variables: {{SEED: "7"}}
      # timeout: 2h
      # retries: 1
      # after: [another-run]       # starts when that one has completed
  # trainup:cluster:
  #   max_nodes: 2                 # runs beyond that wait in a queue
"""
AZURE = """\
# Azure at the least cost: nothing runs, and nothing but storage is paid for, until a run needs a node.
# Two places to edit: your subscription, and you. Then: trainup up --stack dev
config:
  # 1. az account show --query id --output tsv
  azure-native:subscriptionId: 00000000-0000-0000-0000-000000000000
  # Your GPU quota decides, which is 0 at first (ask in Azure ML studio under Quota; spot nodes have one of their own).
  # `az account list-locations --output table` lists the regions.
  azure-native:location: westeurope
  trainup:target: azure
  # 2. Who submits runs: az ad signed-in-user show --query id --output tsv
  trainup:access:
    users: []
  # A stack to throw away: `trainup destroy --stack dev` may delete everything.
  trainup:protect: false
  trainup:cluster:
    size: gpu-small
    max_nodes: 1
    spot: true
  trainup:image:
    context: {context}             # the folder of the Dockerfile
  trainup:runs:
    {run}:
      source: {source}
      script: {script}
      timeout: 2h
"""
DOCKERFILE = """\
# The image of the runs on Azure: Azure ML's base with MPI and CUDA, and the packages of the requirements.
FROM mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:20260715.v1
RUN conda create --yes --quiet --prefix /opt/trainup --channel conda-forge --override-channels python=3.11 pip \\
    && conda clean --all --yes --quiet
ENV PATH=/opt/trainup/bin:$PATH
COPY {requirements} /tmp/requirements.txt
RUN pip install --no-cache-dir --requirement /tmp/requirements.txt
"""
DOCKERIGNORE = """\
# The image takes nothing but the requirements: a changed script builds no image.
*
!{requirements}
"""
IGNORED = ("/.trainup/",)


@dataclass(frozen=True)
class Plan:
    """The files to write, and remarks for the user."""

    files: dict[str, str] = field(default_factory=dict)
    """Path relative to the folder → content."""
    remarks: list[str] = field(default_factory=list)


def project_name(folder: Path) -> str:
    """The folder's name with only the characters that Pulumi allows: letters, digits, `-`, `_`, `.`; at most 100."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip("-._")
    return name[:100] or "training"


def run_name(script: Script) -> str:
    """The script's name as the name of a run; `train` where it cannot be one."""
    name = re.sub(r"[^a-z0-9]+", "-", script.path.stem.lower()).strip("-")[:40].strip("-")
    return "train" if check_run_name(name) else name


def plan(folder: Path, script: Script, packages: Packages, data: str | None, *, azure: bool) -> Plan:
    """All files for a folder with training code."""
    source = script.path.parent.as_posix()
    values = {
        "run": run_name(script),
        "source": _text(source),
        "script": _text(script.path.name),
        "image": _image(packages),
        "data": "",
        "arguments": "",
    }
    if data and script.data_option:
        values["data"] = f"  trainup:data:\n    {Path(data).name}:\n      path: {_text(data)}\n"
        words = f'[{script.data_option}, "${{{{inputs.data}}}}"]'
        values["arguments"] = f"      arguments: {words}\n      inputs:\n        data: {{data: {Path(data).name}}}\n"
    files = {
        "Pulumi.yaml": PROJECT.format(name=project_name(folder)),
        "Pulumi.local.yaml": LOCAL.format(**values),
        "infra/__main__.py": PROGRAM,
    }
    if packages.file and packages.lines:
        files[packages.file] = "\n".join(packages.lines) + "\n"
    remarks = list(packages.remarks)
    if azure:
        requirements = packages.file or "requirements.txt"
        context = Path(requirements).parent.as_posix()
        name = Path(requirements).name
        files["Pulumi.dev.yaml"] = AZURE.format(**values, context=_text(context))
        files[(Path(context) / "Dockerfile").as_posix()] = DOCKERFILE.format(requirements=name)
        files[(Path(context) / ".dockerignore").as_posix()] = DOCKERIGNORE.format(requirements=name)
        if not packages.file:
            files["requirements.txt"] = "# The packages of the image on Azure.\n"
    return Plan(files, remarks)


def write(folder: Path, files: dict[str, str]) -> tuple[list[str], list[str]]:
    """Write the files that do not exist yet. Returns the names of new files, and of existing ones, which are unchanged.

    Each file is written atomically. Missing lines are added to `.gitignore`.
    """
    new_files, existing_files = [], []
    for name, text in files.items():
        path = folder / name
        if path.exists() or path.is_symlink():
            existing_files.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        stack_files.write(path, text)
        new_files.append(name)
    ignore = folder / ".gitignore"
    text = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
    missing = [line for line in IGNORED if line not in text.splitlines()]
    if missing:
        stack_files.write(ignore, text + ("\n" if text and not text.endswith("\n") else "") + "\n".join(missing) + "\n")
        new_files.append(".gitignore")
    return new_files, existing_files


def _image(packages: Packages) -> str:
    if packages.file is None:
        return "  # trainup:image:\n  #   requirements: requirements.txt   # packages that the script needs\n"
    python = f'    python: "{packages.python}"\n' if packages.python else ""
    return f"  trainup:image:\n    requirements: {_text(packages.file)}\n{python}"


def _text(value: str) -> str:
    """A text as YAML takes it: in quotes where it would be something else, as `no` or `1e3`."""
    is_plain = re.fullmatch(r"[A-Za-z_./][\w./-]*", value) and yaml.safe_load(value) == value
    return value if is_plain else json.dumps(value, ensure_ascii=False)
