"""The folders of the project and the toolchain, and how set-up reports progress and errors.

trainup runs from a checkout, which holds its own tools and environment, or from an installed wheel: then the tools are
in the user's cache, and the environment is the one that it was installed into.
"""

import os
import sys
from pathlib import Path

from trainup.core import project
from trainup.core.errors import UserError

SOURCES = Path(__file__).resolve().parent


def _checkout() -> Path | None:
    """The checkout that this file is part of; None where it was installed from a wheel."""
    folder = SOURCES.parents[2]
    return folder if (folder / "uv.lock").is_file() and (folder / "src" / "trainup" / "toolchain").is_dir() else None


def _cache() -> Path:
    """The user's cache of tools; a folder of the project where the home folder cannot be written."""
    cache_home = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(cache_home) if Path(cache_home).is_absolute() else Path(os.path.expanduser("~")) / ".cache"
    return folder / "trainup" if is_writable(folder) else ROOT / ".trainup" / "tools"


def is_writable(folder: Path) -> bool:
    """Whether a folder can be written, or created if it is missing."""
    if not folder.is_absolute():
        return False
    there = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    return os.path.isdir(there) and os.access(there, os.W_OK)


CHECKOUT = _checkout()
ROOT = project.nearest_folder(Path.cwd()) or CHECKOUT or Path.cwd()
"""The folder of the project that commands work on: that of the nearest Pulumi.yaml."""
TOOLCHAIN = CHECKOUT / ".toolchain" if CHECKOUT else _cache()
"""Everything that is downloaded or built; may be deleted at any time."""
BIN = TOOLCHAIN / "bin"
SHIM = TOOLCHAIN / "shim" if CHECKOUT else ROOT / ".trainup" / "shim"
"""Comes first on PATH in a shell of `trainup env`."""
VENV = CHECKOUT / ".venv" if CHECKOUT else None
"""The environment that `uv.lock` describes; None where trainup was installed by somebody else."""
PYTHON = VENV / "bin" / "python" if VENV else Path(sys.executable)
"""The interpreter of trainup's own environment."""


def packages() -> list[Path]:
    """The folders with the packages of trainup's own environment."""
    return sorted(VENV.glob("lib/python*/site-packages")) if VENV else [SOURCES.parents[1]]


class SetupError(UserError):
    """The machine cannot be set up; the message says what to do."""


def say(line: str) -> None:
    """Print progress to standard error: standard output is for the command's result."""
    print(line, file=sys.stderr, flush=True)
