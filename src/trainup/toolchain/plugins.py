"""Installs the plugins of Pulumi's providers in the versions of `uv.lock`, before any secret is at hand."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainup.toolchain.paths import SetupError, packages, say

ATTACHED = "PULUMI_DEBUG_PROVIDERS"
"""The variable that lists running providers as `name:port`; the engine starts no plugin for them."""


def required(folders: Sequence[Path]) -> dict[str, str]:
    """Plugin → version, as the provider SDKs in these package folders require them."""
    versions = {}
    for file in sorted(file for folder in folders for file in folder.glob("pulumi_*/pulumi-plugin.json")):
        description = json.loads(file.read_text(encoding="utf-8"))
        if description.get("resource"):
            versions[str(description["name"])] = str(description["version"])
    return versions


def install(cli: Path, variables: Mapping[str, str] = os.environ) -> None:
    """Install every plugin that is missing. Raises SetupError where one cannot be downloaded."""
    attached = {entry.partition(":")[0] for entry in variables.get(ATTACHED, "").split(",")}
    for name, version in required(packages()).items():
        if name in attached:
            continue
        say(f"Pulumi plugin {name} {version} …")
        command: list[str | Path] = [cli, "plugin", "install", "resource", name, version]
        process = subprocess.run(command, env=dict(variables), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if process.returncode:
            raise SetupError(f"the plugin {name} {version} could not be installed:\n{process.stderr.strip()}")
