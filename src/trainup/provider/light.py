"""Imports Pulumi's wire types without the SDK around them, which would double the plugin's start-up time."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def import_wire_types_alone() -> None:
    """Register empty packages as `pulumi` and `pulumi.runtime`, so that their `proto` is imported alone.

    The plugin starts twice in every `pulumi up`, and declares no resources of its own.
    """
    spec = importlib.util.find_spec("pulumi")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent
    for name, path in (("pulumi", folder), ("pulumi.runtime", folder / "runtime")):
        if name not in sys.modules:
            package = ModuleType(name)
            package.__path__ = [str(path)]
            sys.modules[name] = package
