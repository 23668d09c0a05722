"""The environment variables with which plain `pulumi` commands work on a stack."""

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
"""Stays `~` where the system does not know the user; it is then treated as a home folder that cannot be written."""
PARALLEL = 1_000
"""The number of runs that one `up` can wait for at once: waiting takes no processor."""


def variables(cli: Cli, stack: str, *, is_local: bool = True) -> dict[str, str]:
    """Variables to add to the environment; what the user has set already is left as it is."""
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
        # A local stack needs no plugin but ours, which is not downloaded.
        defaults["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return result | {name: value for name, value in defaults.items() if not os.environ.get(name)}


def surroundings() -> dict[str, str]:
    """Variables for this process and all that it starts: no proxy for this machine itself, the user's certificates
    for everything else, and folders of our own where those in the home folder cannot be written."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or HOME / ".cache")
    folders = {"PULUMI_HOME": (HOME / ".pulumi", "home"), "UV_CACHE_DIR": (caches / "uv", "uv-cache")}
    ours = {
        name: str(TOOLCHAIN / own)
        for name, (usual, own) in folders.items()
        if not os.environ.get(name) and not is_writable(usual)
    }
    return network.direct(os.environ) | network.trusted(os.environ, os.path.isfile) | ours


def pulumi_home(variables: Mapping[str, str]) -> Path:
    """The folder of the Pulumi CLI's own files. The CLI takes the home folder from the system, not from HOME."""
    if folder := variables.get("PULUMI_HOME"):
        return Path(folder)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pulumi"
    except KeyError:  # the system does not know this user
        return HOME / ".pulumi"


def as_shell(values: dict[str, str]) -> str:
    """The variables as `export` lines for `eval` in a shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def backend(variables: Mapping[str, str]) -> str:
    """Address of the backend that the user chose by variable or by `pulumi login`; empty where they chose none."""
    if address := variables.get("PULUMI_BACKEND_URL"):
        return address
    try:
        credentials = pulumi_home(variables) / "credentials.json"
        return str(json.loads(credentials.read_text()).get("current") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _unique(path: str) -> str:
    return os.pathsep.join(dict.fromkeys(part for part in path.split(os.pathsep) if part))
