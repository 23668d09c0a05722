"""Reads the values of a job file one by one, and collects a finding for each that is wrong."""

from collections.abc import Callable
from typing import Any

from trainup.core import suggest, written

Definition = dict[str, Any]
"""The inputs of a run in the file, by the names in `core/run_keys.py`; `shell_command` is its command."""


class Values:
    """Reads values, which are below keys such as `inputs.epochs`; `problems` has the findings so far."""

    def __init__(self, path: str, prefix: str = "") -> None:
        """`prefix` stands before each key, for the keys of a part of the file: `trial.`."""
        self._path, self._prefix = path, prefix
        self.problems: list[str] = []

    def problem(self, key: str, reason: str) -> None:
        """Add a finding."""
        self.problems.append(f"{self._path}: {self._prefix}{key}: {reason}")

    def text(self, key: str, value: Any, name: str | None = None) -> Definition:
        """A text that is not blank."""
        if not isinstance(value, str):
            self.problem(key, no_text(value))
            return {}
        if not value.strip():
            self.problem(key, f"{value!r} is no text")
            return {}
        return {name or key: value}

    def map(self, key: str, value: Any, names: tuple[str, ...]) -> dict[str, Any]:
        """The values of a map that has these keys at most."""
        if not isinstance(value, dict):
            self.problem(key, f"{value!r} is no map; it has {', '.join(names)}")
            return {}
        for name in value.keys() - set(names):
            self.problem(f"{key}.{name}", suggest.unknown(name, names, "there is no such key here"))
        return {name: value[name] for name in names if value.get(name) is not None}

    def each(self, key: str, value: Any, parse: Callable[[str, Any], Any]) -> dict[str, Any]:
        """A map of any names, with each value parsed; None leaves a value out."""
        if not isinstance(value, dict):
            self.problem(key, f"{value!r} is no map of names to values")
            return {}
        for name in value:
            if problem := no_text(name) if name is None else written.problem(name):
                self.problem(f"{key}.{name}", problem)
        items = {str(name): parse(f"{key}.{name}", item) for name, item in value.items()}
        return {name: item for name, item in items.items() if item is not None}

    def plain(self, key: str, value: Any) -> str | None:
        """A text, or what YAML takes for a number, a boolean or a date and is the same text again."""
        if problem := written.problem(value):
            self.problem(key, problem)
            return None
        if isinstance(value, (dict, list)) or value is None:
            self.problem(key, no_text(value))
            return None
        return str(value)

    def number(self, name: str, value: Any, key: str) -> Definition:
        """A number."""
        if not isinstance(value, (int, float)):
            self.problem(key, f"{written.shown(value)} is no number")
            return {}
        return {name: value}

    def string(self, name: str, value: Any, key: str) -> Definition:
        """What `plain` reads, under another name."""
        text = self.plain(key, value)
        return {} if text is None else {name: text}


def no_text(value: Any) -> str:
    """The sentence about a value that is no text."""
    return f"{written.shown(value)} is no text" + ("" if isinstance(value, (dict, list)) else ": put it in quotes")
