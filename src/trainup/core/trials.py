"""What the record of an attempt says about the sweeps that it is a trial of: one tag for each sweep.

The same point in two sweeps is one run, with a number of its own in each of them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainup.core.failure import CANCELED, Failure

RUN = "trial"
"""The run name of every trial. It does not name the sweep, so that the same point in two sweeps is the same run."""
PREFIX = "trainup.trial."
"""Beginning of the names of the tags."""
EARLY = "ended early: "
"""Beginning of the reason for which early termination cancels a trial (`core/sweeps/termination.py`)."""


@dataclass(frozen=True)
class Trial:
    """One point of a sweep."""

    sweep: str
    """Name of the sweep."""
    number: int
    """Its number in the sweep, from 0; it never changes."""
    point: Mapping[str, Any] = field(default_factory=dict)
    """Name in the search space → value."""


def tag_of(urn: str) -> str:
    """Name of the tag of the sweep with this URN."""
    return PREFIX + hashlib.sha256(urn.encode()).hexdigest()[:16]


def tags_of(urn: str, trial: Trial | None) -> dict[str, str]:
    """The tag that says which trial of this sweep a run is; none for a run of its own."""
    if trial is None:
        return {}
    content = {"sweep": trial.sweep, "number": trial.number, "point": dict(trial.point)}
    return {tag_of(urn): json.dumps(content, ensure_ascii=False, separators=(",", ":"))}


def read(tags: Mapping[str, str]) -> dict[str, Trial]:
    """Name of a tag → trial, of all tags that hold one; what somebody else wrote there is left out."""
    trials = {name: _parsed(text) for name, text in tags.items() if name.startswith(PREFIX)}
    return {name: trial for name, trial in trials.items() if trial is not None}


def kept(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of trials alone."""
    return {name: text for name, text in tags.items() if name.startswith(PREFIX)}


def without(tags: Mapping[str, str]) -> dict[str, str]:
    """The other tags: those that the user gave."""
    return {name: text for name, text in tags.items() if not name.startswith(PREFIX)}


def early_reason(failure: Failure | None) -> str:
    """Why early termination ended a trial, as `ended early: …`; empty for any other end."""
    message = failure.message.removeprefix(CANCELED) if failure else ""
    return message if message.startswith(EARLY) else ""


def _parsed(text: str) -> Trial | None:
    try:
        content = json.loads(text)
        return Trial(str(content["sweep"]), int(content["number"]), dict(content["point"]))
    except (LookupError, TypeError, ValueError):
        return None
