"""Azure's published types, where they lie beside the repository."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainup.simulator.cloud import contract

Check = Callable[[str, str, dict[str, Any], str | None], list[str]]
"""`(type, version, body, name)` → what Azure's types have against it, strictly."""


def judge(bodies: Path) -> None:
    """Azure's types have nothing against any body in a folder. A test ends with this: without the types it is skipped,
    for that much was not found out."""
    told = [json.loads(body.read_text()) for body in bodies.iterdir()]
    assert told
    if not contract.available():
        pytest.skip(
            f"all else held, but {len(told)} bodies were not checked: Azure's types are not in {contract.folder()}; "
            f"{contract.VARIABLE} says where they are"
        )
    found = {
        body["name"]: contract.findings(body["type"], body["apiVersion"], body["body"], body["name"]) for body in told
    }
    assert not any(found.values()), found
