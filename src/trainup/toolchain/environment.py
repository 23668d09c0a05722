"""The variables under which plain `pulumi` commands work on a stack."""

import json
import os
import pwd
import shlex
from collections.abc import Mapping
from pathlib import Path

from trainup.core import network
from trainup.toolchain import uv
from trainup.toolchain.paths import BIN, PYTHON, ROOT, TOOLCHAIN, is_writable
from trainup.toolchain.pulumi_cli import Cli

BACKEND = ROOT / ".trainup" / "backend"
HOME = Path(os.path.expanduser("~"))
"""`~` itself for a user whom nobody knows, which is then as good as a home that cannot be written."""
PARALLEL = 1_000
"""Runs wait, they do not work: every one of them shall be able to."""


def variables(cli: Cli, stack: str, *, is_local: bool = True) -> dict[str, str]:
    """What to add to the environment; nothing that the user has set already."""
    path = [str(PYTHON.parent), os.environ.get("PATH", "")]
    if cli.path.parent == BIN:
        path.insert(0, str(BIN))
    if uv.find() == uv.UV_BIN / "uv":
        path.insert(0, str(uv.UV_BIN))
    result = {"PATH": _unique(os.pathsep.join(path)), "PULUMI_STACK": stack, **surroundings()}
    defaults = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_PARALLEL": str(PARALLEL)}
    if not backend(os.environ):
        defaults["PULUMI_BACKEND_URL"] = BACKEND.as_uri()
    if is_local:
        # It needs no plugins but ours, which is no download.
        defaults["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return result | {name: value for name, value in defaults.items() if not os.environ.get(name)}


def surroundings() -> dict[str, str]:
    """What we and all that we start need here: this machine without proxies, the world outside with the user's
    certificates, and folders of our own where those in the home folder cannot be written."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or HOME / ".cache")
    folders = {"PULUMI_HOME": (pulumi_home({}), "home"), "UV_CACHE_DIR": (caches / "uv", "uv-cache")}
    ours = {
        name: str(TOOLCHAIN / own)
        for name, (usual, own) in folders.items()
        if not os.environ.get(name) and not is_writable(usual)
    }
    return network.direct(os.environ) | network.trusted(os.environ, os.path.isfile) | ours


def pulumi_home(variables: Mapping[str, str]) -> Path:
    """Where the Pulumi CLI keeps its own files. It asks the system for the user's home, whatever HOME says."""
    if folder := variables.get("PULUMI_HOME"):
        return Path(folder)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pulumi"
    except KeyError:  # a user whom nobody knows
        return HOME / ".pulumi"


def as_shell(values: dict[str, str]) -> str:
    """Lines for `eval`."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def backend(variables: Mapping[str, str]) -> str:
    """Address of the backend that the user chose, by variable or by `pulumi login`; empty where none is chosen."""
    if address := variables.get("PULUMI_BACKEND_URL"):
        return address
    try:
        credentials = pulumi_home(variables) / "credentials.json"
        return str(json.loads(credentials.read_text()).get("current") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _unique(path: str) -> str:
    return os.pathsep.join(dict.fromkeys(part for part in path.split(os.pathsep) if part))
