"""The result of a journey as one file, which can be sent to us and judged again."""

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainup.core.disk import replace_file
from trainup.core.errors import UserError
from trainup.core.exchange import masked
from trainup.core.version import VERSION
from trainup.verification import judging
from trainup.verification.beliefs.listing import BELIEFS
from trainup.verification.evidence import Evidence
from trainup.verification.judging import Outcome, Verdict

SHAPES = Path(__file__).with_name("simulated.json")
"""The answers of the simulated Azure on the same journey: route → statuses and paths of properties."""


class BundleError(UserError):
    """A file is no bundle; the message says why."""


@dataclass(frozen=True)
class Judgement:
    """The verdicts on one journey."""

    beliefs: Mapping[str, Verdict]
    """Name of a belief → the verdict on it."""
    answers: Mapping[str, Verdict]
    """Route → the verdict on the simulated Azure's answers to it."""

    @property
    def wrong(self) -> list[str]:
        """The beliefs and answers that are wrong."""
        both = {**self.beliefs, **self.answers}
        return [name for name, verdict in both.items() if verdict.outcome is Outcome.WRONG]


def judge(evidence: Evidence) -> Judgement:
    """The verdict on each belief, and on each answer of the simulated Azure."""
    simulated = json.loads(SHAPES.read_text(encoding="utf-8"))
    return Judgement({one.name: one.judge(evidence) for one in BELIEFS}, judging.compare(simulated, evidence))


def write(file: Path, evidence: Evidence, names: Iterable[str]) -> None:
    """Write a bundle. `names` are masked wherever they stand."""
    content = {
        "trainup": VERSION,
        "python": platform.python_version(),
        "evidence": _without(evidence, sorted(names, key=len, reverse=True)).to_dict(),
        "verdicts": {name: verdict.outcome for name, verdict in judge(evidence).beliefs.items()},
    }
    replace_file(file, json.dumps(content, indent=1, ensure_ascii=False) + "\n", mode=0o600)


def read(file: Path) -> Evidence:
    """What the journey of a bundle has seen. Raises BundleError."""
    try:
        return Evidence.from_dict(json.loads(file.read_text(encoding="utf-8"))["evidence"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{file} is no bundle of `trainup verify-azure`: {error}") from error


def _without(evidence: Evidence, names: list[str]) -> Evidence:
    """The evidence with these names masked in bodies and messages; the other parts hold none."""
    exchanges = [
        replace(one, request=_masked(one.request, names), response=_masked(one.response, names))
        for one in evidence.exchanges
    ]
    operations = [replace(one, message=masked(one.message, names)) for one in evidence.operations]
    return replace(evidence, exchanges=exchanges, operations=operations)


def _masked(value: Any, names: list[str]) -> Any:
    if isinstance(value, str):
        return masked(value, names)
    if isinstance(value, list):
        return [_masked(item, names) for item in value]
    if isinstance(value, dict):
        return {_masked(key, names): _masked(item, names) for key, item in value.items()}
    return value
