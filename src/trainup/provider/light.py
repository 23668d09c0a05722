"""Lets the plugin have Pulumi's wire types without the SDK around them, which is half of its start."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def import_wire_types_alone() -> None:
    """Put bare packages in the place of `pulumi` and `pulumi.runtime`, whose `proto` then comes alone.

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
