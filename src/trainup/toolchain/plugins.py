"""The plugins of Pulumi's providers: brought in the versions that `uv.lock` has, before anything secret is there."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainup.toolchain.paths import SetupError, packages, say

ATTACHED = "PULUMI_DEBUG_PROVIDERS"
"""Names the providers that run already, and where: they need no plugin."""


def required(folders: Sequence[Path]) -> dict[str, str]:
    """Plugin → version, as the SDKs in these folders of packages ask for them."""
    versions = {}
    for file in sorted(file for folder in folders for file in folder.glob("pulumi_*/pulumi-plugin.json")):
        description = json.loads(file.read_text(encoding="utf-8"))
        if description.get("resource"):
            versions[str(description["name"])] = str(description["version"])
    return versions


def install(cli: Path, variables: Mapping[str, str] = os.environ) -> None:
    """Bring every plugin that is not there yet. Raises SetupError."""
    attached = {entry.partition(":")[0] for entry in variables.get(ATTACHED, "").split(",")}
    for name, version in required(packages()).items():
        if name in attached:
            continue
        say(f"Pulumi plugin {name} {version} …")
        command: list[str | Path] = [cli, "plugin", "install", "resource", name, version]
        process = subprocess.run(command, env=dict(variables), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if process.returncode:
            raise SetupError(f"the plugin {name} {version} could not be had:\n{process.stderr.strip()}")
