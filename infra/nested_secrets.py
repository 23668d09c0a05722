"""Finds secrets inside a section: the engine says only that the section holds one, not at which key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainup.core.texts import decode
from trainup.infra.project_files import stack_file


def problem_of(key: str, root: Path, stack: str) -> str:
    """Why the section at `key`, such as `trainup:runs`, must not hold a secret, and what to do. Shows no value."""
    paths = _encrypted_paths(root, stack, key)
    to_remove = paths or [f"{key}.…"]
    subject = " and ".join(paths) if paths else "a value in it"
    removal = " && ".join(f"pulumi config rm --path '{path}'" for path in to_remove)
    return (
        f"{key}: {subject} is set as a secret, and the values of a section are stored and shown as plain text. "
        f"Remove it (`{removal}`), set it under a key of its own (`pulumi config set --secret trainup:NAME`), and "
        "name that key where it is needed: in `secrets` of a run, which gets it as a variable, or as `key` of data"
    )


def _encrypted_paths(root: Path, stack: str, key: str) -> list[str]:
    """The paths of encrypted values below a key of the stack file; none where the file is missing or unreadable."""
    import yaml  # slow to import, and needed only after a mistake

    try:
        content = yaml.safe_load(decode(stack_file(root, stack).read_bytes()))
        sections = content["config"]
        setting = key.rpartition(":")[2]
        keys = [name for name in sections if str(name).rpartition(":")[2] == setting]
        return [path for name in keys for path in _encrypted(str(name), sections[name])]
    except (OSError, ValueError, TypeError, LookupError, RecursionError, yaml.YAMLError):
        return []  # the message then names the section alone


def _encrypted(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.keys() == {"secure"}:
            yield path
            return
        for name, item in value.items():
            text = str(name)
            yield from _encrypted(f"{path}.{text}" if _is_plain(text) else f'{path}["{text}"]', item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _encrypted(f"{path}[{index}]", item)


def _is_plain(name: str) -> bool:
    return not set(name) & set(".[]\"' ")
