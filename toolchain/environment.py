"""The variables under which plain `pulumi` commands work on a stack."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from toolchain import uv
from toolchain.paths import BIN, ROOT, VENV
from toolchain.pulumi_cli import Cli
from trainup.core import network

LOCAL = "local"
BACKEND = ROOT / ".trainup" / "backend"
PARALLEL = 1_000
"""Runs wait, they do not work: every one of them shall be able to."""


def variables(cli: Cli, stack: str, *, is_local: bool = True) -> dict[str, str]:
    """What to add to the environment; nothing that the user has set already."""
    path = [str(VENV / "bin"), os.environ.get("PATH", "")]
    if cli.path.parent == BIN:
        path.insert(0, str(BIN))
    if uv.find() == uv.UV_BIN / "uv":
        path.insert(0, str(uv.UV_BIN))
    result = {"PATH": _unique(os.pathsep.join(path)), "PULUMI_STACK": stack, **network_variables()}
    defaults = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_PARALLEL": str(PARALLEL)}
    if not backend(os.environ):
        defaults["PULUMI_BACKEND_URL"] = BACKEND.as_uri()
    if is_local:
        # It needs no plugins but ours, which is no download.
        defaults["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    return result | {name: value for name, value in defaults.items() if not os.environ.get(name)}


def network_variables() -> dict[str, str]:
    """This machine without proxies, the world outside with the user's certificates: for us and all that we start."""
    return network.direct(os.environ) | network.trusted(os.environ, os.path.isfile)


def as_shell(values: dict[str, str]) -> str:
    """Lines for `eval`."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def backend(given: Mapping[str, str]) -> str:
    """Address of the backend that the user chose, by variable or by `pulumi login`; empty where none is chosen."""
    if address := given.get("PULUMI_BACKEND_URL"):
        return address
    try:
        home = Path(given.get("PULUMI_HOME") or Path.home() / ".pulumi")
        return str(json.loads((home / "credentials.json").read_text()).get("current") or "")
    except (OSError, ValueError, AttributeError, RuntimeError):
        return ""


def _unique(path: str) -> str:
    return os.pathsep.join(dict.fromkeys(part for part in path.split(os.pathsep) if part))
