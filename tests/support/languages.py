"""What Pulumi programs in other languages than Python need: brought into `.toolchain` once, by whoever asks first."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainup.components.official_host import EXECUTOR
from trainup.toolchain import pulumi_cli, uv
from trainup.toolchain.paths import TOOLCHAIN

HERE = Path(__file__).resolve().parent
SHARED = TOOLCHAIN / "go"
"""Caches that a first `make test` keeps of its build of the CLI, which has most packages of the host for YAML."""


def yaml_host() -> Path:
    """The folder with the official language host for YAML, built from its Go module: up to two minutes, once."""
    return _brought("yaml", _build_yaml_host)


def python_host() -> Path | None:
    """The folder with Pulumi's own language host for Python; None where there is none.

    It is part of Pulumi's distributions and of no Go module, so it is taken from a distribution on PATH, or from the
    folder in OFFICIAL_PYTHON_HOST, such as one with a build of `sdk/python/cmd/pulumi-language-python` and the script
    `pulumi-language-python-exec`.
    """
    folder = os.environ.get("OFFICIAL_PYTHON_HOST")
    found = shutil.which(EXECUTOR, path=folder or os.environ.get("PATH"))
    return Path(found).parent if found else None


def node_packages() -> Path:
    """A folder `node_modules` with Pulumi's SDK and the TypeScript compiler, as `npm/package-lock.json` has them."""
    return _brought("node", _install_node_packages) / "node_modules"


def node_host() -> Path:
    """The folder with a language host for Node.js (`node_host.py`)."""

    def write(folder: Path) -> None:
        program = folder / "pulumi-language-nodejs"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -u "{HERE / "node_host.py"}" "$@"\n')
        program.chmod(0o755)

    return _brought("node-host", write)


def _brought(name: str, bring: Callable[[Path], None]) -> Path:
    """A folder of the toolchain; it appears whole."""
    folder = TOOLCHAIN / "languages" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_name(f"{name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            bring(unfinished)
            unfinished.rename(folder)
    return folder


def _build_yaml_host(folder: Path) -> None:
    module, build = folder / "module", folder / "build"
    shutil.copytree(HERE / "yaml_module", module)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi_cli, "BUILD", build)  # a Go that is brought for this lies where no set-up clears it away
        go = pulumi_cli.find_go(uv.ensure())
    build.mkdir(exist_ok=True)
    program = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
    command = [go, "build", *pulumi_cli.OPTIONS, "-o", folder / "pulumi-language-yaml", program]
    variables = pulumi_cli.build_variables(build)
    done = subprocess.run(command, cwd=module, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for unneeded in (build, module, SHARED):
        shutil.rmtree(unneeded, ignore_errors=True)


def _install_node_packages(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "npm" / name, folder / name)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
