"""What each key of the settings means, what another value replaces, and what it costs: told where the key is declared.

The text of a key is the docstring below its field, or the description of the field. Two of its lines may begin with
`Replaces:` (what another value replaces; without the line nothing is replaced) and `Costs:`. Docstrings are read from
the source, and only for schema and reference: programs do not pay for them.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pydantic import BaseModel

from trainup.core.declaration import Role
from trainup.core.run_keys import KEYS
from trainup.infra.run_settings import RunSettings
from trainup.infra.sections import models_in


@dataclass(frozen=True)
class KeyText:
    """The text of one key."""

    meaning: str
    replaces: str = ""
    """What another value replaces; empty where the stack is updated in place."""
    costs: str = ""


def texts_of(model: type[BaseModel]) -> dict[str, KeyText]:
    """Field → its text, for the fields of a section that have one."""
    own = _docstrings(model)
    texts = {name: _parsed(own.get(name) or field.description or "") for name, field in model.model_fields.items()}
    if issubclass(model, RunSettings):
        for name in texts.keys() & KEYS.keys():
            # The description of a field says how a stack file writes the key, where that is not as a component does.
            meaning = texts[name].meaning or KEYS[name].doc
            texts[name] = KeyText(meaning, "the run" if KEYS[name].role is Role.IDENTITY else "")
    return {name: text for name, text in texts.items() if text.meaning}


def sections_of(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The name and the class of each section of some settings, however deep; each class once."""
    seen: set[str] = set()
    waiting = [model]
    while waiting:
        one = waiting.pop(0)
        if one.__name__ not in seen:
            seen.add(one.__name__)
            yield one.__name__, one
            waiting += [below for field in one.model_fields.values() for below in models_in(field.annotation)]


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Field → the docstring below it, in the class and in those that it inherits from."""
    result: dict[str, str] = {}
    for declaring in reversed(model.__mro__):
        if issubclass(declaring, BaseModel) and declaring is not BaseModel:
            try:
                tree = ast.parse(textwrap.dedent(inspect.getsource(declaring)))
            except (OSError, TypeError):
                continue  # made by `create_model`; its base has the source
            (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef)] or [[]]
            for field, text in pairwise(body):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
                    value = text.value.value if is_text else None  # type: ignore[attr-defined]
                    if isinstance(value, str):
                        result[field.target.id] = inspect.cleandoc(value)
    return result


def _parsed(docstring: str) -> KeyText:
    parts: dict[str, list[str]] = {"": []}
    current = ""
    for line in docstring.splitlines():
        label, _, rest = line.partition(": ")
        if label in ("Replaces", "Costs"):
            current, line = label, rest
        parts.setdefault(current, []).append(line.strip())
    words = {name: " ".join(filter(None, lines)) for name, lines in parts.items()}
    return KeyText(words[""], words.get("Replaces", "").rstrip("."), words.get("Costs", "").rstrip("."))
