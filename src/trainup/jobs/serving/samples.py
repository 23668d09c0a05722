"""Sample requests of an endpoint: what a deployment is asked before it gets traffic, and what it has to answer.

`NAME.json` is the body of a request; `NAME.expected.json` beside it is the answer, without which any answer of status
200 will do. Numbers may differ by a millionth. Imported by the environment of a model as well: nothing of trainup here.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXPECTED = ".expected.json"
CLOSE = 1e-6
MOST_SHOWN = 200
"""Characters of an answer that a message shows."""


@dataclass(frozen=True)
class Sample:
    """One request and its answer."""

    name: str
    body: bytes
    expected: bytes | None

    def problem(self, status: int, answer: bytes) -> str | None:
        """What is wrong with an answer, or None."""
        shown = answer[:MOST_SHOWN].decode(errors="replace").strip()
        if status != 200:
            return f"the sample {self.name} was answered with status {status}: {shown}"
        if self.expected is None:
            return None
        try:
            is_right = equal(json.loads(answer), json.loads(self.expected))
        except ValueError:
            is_right = answer.strip() == self.expected.strip()
        if is_right:
            return None
        wanted = self.expected[:MOST_SHOWN].decode(errors="replace").strip()
        return f"the sample {self.name} was answered with {shown}, and {self.name[:-5]}{EXPECTED} says {wanted}"


def of(folder: str | Path) -> list[Sample]:
    """The samples in a folder by name; none where there is no such folder."""
    paths = [path for path in sorted(Path(folder).glob("*.json")) if not path.name.endswith(EXPECTED)]
    return [Sample(path.name, path.read_bytes(), _content(path.with_name(path.stem + EXPECTED))) for path in paths]


def equal(answer: Any, expected: Any) -> bool:
    """Whether two JSON values are the same, but for the last digits of numbers."""
    if isinstance(answer, bool) or isinstance(expected, bool):
        return answer is expected
    if isinstance(answer, (int, float)) and isinstance(expected, (int, float)):
        return math.isclose(answer, expected, rel_tol=CLOSE, abs_tol=CLOSE)
    if isinstance(answer, dict) and isinstance(expected, dict):
        return answer.keys() == expected.keys() and all(equal(answer[key], expected[key]) for key in expected)
    if isinstance(answer, list) and isinstance(expected, list):
        return len(answer) == len(expected) and all(map(equal, answer, expected))
    return bool(answer == expected)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
