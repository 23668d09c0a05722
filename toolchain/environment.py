"""The variables under which plain `pulumi` commands work on a stack."""

import json
import os
import shlex
from pathlib import Path

from toolchain import uv
from toolchain.paths import BIN, ROOT, VENV
from toolchain.pulumi_cli import Cli
from trainup.core import network

LOCAL = "local"
LOCAL_PASSPHRASE = "local"
"""No secret: the `local` stack holds none."""
LOCAL_SALT = "encryptionsalt: v1:T4w5Y6mgTO8=:v1:88uTU+HAixeifk3+:qRxhyQOg6fr5OKWQ5TFVgdC8hCYinQ=="
"""What Pulumi.local.yaml says of that passphrase, as long as nobody has given the stack one of their own."""
BACKEND = ROOT / ".trainup" / "backend"
PARALLEL = 1_000
"""Runs wait, they do not work: every one of them shall be able to."""


def variables(cli: Cli, stack: str) -> dict[str, str]:
    """What to add to the environment; nothing that the user has set already."""
    path = [str(VENV / "bin"), os.environ.get("PATH", "")]
    if cli.path.parent == BIN:
        path.insert(0, str(BIN))
    if uv.find() == uv.UV_BIN / "uv":
        path.insert(0, str(uv.UV_BIN))
    result = {"PATH": _unique(os.pathsep.join(path)), "PULUMI_STACK": stack, **network_variables()}
    defaults = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_PARALLEL": str(PARALLEL)}
    if not _has_backend():
        defaults["PULUMI_BACKEND_URL"] = BACKEND.as_uri()
    if stack == LOCAL:
        # It needs no plugins but ours, which is no download.
        defaults["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        if LOCAL_SALT in (ROOT / f"Pulumi.{LOCAL}.yaml").read_text():
            # Also where the user has another in the shell, for other stacks: it would not fit this one.
            result["PULUMI_CONFIG_PASSPHRASE"] = LOCAL_PASSPHRASE
    return result | {name: value for name, value in defaults.items() if not os.environ.get(name)}


def network_variables() -> dict[str, str]:
    """This machine without proxies, the world outside with the user's certificates: for us and all that we start."""
    return network.direct(os.environ) | network.trusted(os.environ, os.path.isfile)


def as_shell(values: dict[str, str]) -> str:
    """Lines for `eval`."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def _has_backend() -> bool:
    """Whether the user chose one: by variable or by `pulumi login`."""
    if os.environ.get("PULUMI_BACKEND_URL"):
        return True
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        return bool(json.loads((home / "credentials.json").read_text()).get("current"))
    except (OSError, ValueError, AttributeError):
        return False


def _unique(path: str) -> str:
    return os.pathsep.join(dict.fromkeys(part for part in path.split(os.pathsep) if part))
