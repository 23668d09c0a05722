"""Where things lie, and how the set-up speaks."""

import sys
from pathlib import Path

from trainup.core.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
SOURCES = Path(__file__).resolve().parent
TOOLCHAIN = ROOT / ".toolchain"
"""All that is downloaded or built; may be deleted at any time."""
BIN = TOOLCHAIN / "bin"
SHIM = TOOLCHAIN / "shim"
"""Comes first on PATH in a shell of `make env`."""
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


class SetupError(UserError):
    """The machine cannot be set up; the message says what to do."""


def say(line: str) -> None:
    """Progress goes to standard error: standard output belongs to the command's result."""
    print(line, file=sys.stderr, flush=True)
