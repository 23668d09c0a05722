"""Finds a workspace's `config.json` in the same folders and order as Azure ML's own client."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainup.core.azure_ids import GUID, NO_GUID, WORKSPACE, AzureId
from trainup.core.texts import decode

FOLDERS = (".azureml", "aml_config", "")
NAMES = ("config.json", "project.json")
LEVELS = 20
"""How many folders above the first one are searched."""
KEYS = ("subscription_id", "resource_group", "workspace_name")


def read(start: Path) -> AzureId:
    """The workspace in the file `start`, or in the nearest file from the folder `start` upwards.

    Raises ValueError where there is no such file, or it names no workspace.
    """
    path = next(filter(os.path.isfile, [start, *_candidates(start)]), None)  # which is False for what cannot be a path
    if path is None:
        raise ValueError(
            f"there is no {NAMES[0]} in {start}, in its .azureml or aml_config, or in a folder above: "
            "download it from the workspace's page in Azure, or give the workspace's `id`"
        )
    try:
        content = json.loads(decode(path.read_bytes()))
        if scope := content.get("Scope"):
            _, _, subscription, _, group, _, _, _, name, *_ = scope.split("/")
            content = dict(zip(KEYS, (subscription, group, name), strict=True))
        parts = {key: content[key] for key in KEYS}
    except (OSError, ValueError, AttributeError, KeyError):
        raise ValueError(f"{path} names no workspace: it is JSON with {', '.join(KEYS)}") from None
    if problems := [problem for key, value in parts.items() if (problem := _problem(key, value))]:
        raise ValueError(f"{path} names no workspace: {'; '.join(problems)}: put in what Azure's page of it says")
    return AzureId(parts[KEYS[0]], parts[KEYS[1]], WORKSPACE, (parts[KEYS[2]],))


def _problem(key: str, value: Any) -> str | None:
    """What is wrong with a part of the file, or None."""
    if key == KEYS[0]:
        return None if isinstance(value, str) and GUID.fullmatch(value) else f"{key} is {value!r}, and {NO_GUID}"
    return None if isinstance(value, str) and re.fullmatch(r"[^/]+", value) else f"{key} is {value!r}, and no name"


def _candidates(start: Path) -> Iterator[Path]:
    """The paths to try, in the client's order: one folder name on all levels before the next name."""
    above = [start, *start.resolve().parents][: LEVELS + 1]
    for folder in FOLDERS:
        for name in NAMES:
            for level in above:
                yield level / folder / name
