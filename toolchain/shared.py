"""What the set-up shares with the program: nothing is installed yet when it begins."""

import sys
from pathlib import Path
from types import ModuleType


def share() -> None:
    """Let `trainup.core` be imported from the folder above, where it lies under another name."""
    sys.modules["trainup"] = ModuleType("trainup")
    sys.modules["trainup"].__path__ = [str(Path(__file__).resolve().parents[1])]
