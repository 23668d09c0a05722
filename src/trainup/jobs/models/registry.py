"""The interface of model registries, the same on every target, and how a version's facts are written as labels."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from trainup.core.models import ModelVersion, from_wire
from trainup.core.numbers import to_plain
from trainup.jobs.target import File, TargetError

PREFIX = "trainup."
"""Start of the labels' names, which are tags in MLflow, and tags and properties in Azure ML."""
LIVE = "live"
"""Name of the alias, or of the tag after `PREFIX`, that says which version is live."""
METRICS = f"{PREFIX}metrics"
"""The label with the metrics, which is the only one that changes."""
_FACTS = tuple(one.name for one in fields(ModelVersion) if one.name not in ("name", "id", "uri"))
_REFERENCE = re.compile(r"(?P<workspace>.+)/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")


class NotAtHand(TargetError):
    """The registry does not answer now, and is not started only to look."""


@dataclass(frozen=True)
class Registration:
    """What the user says of a version, which is no part of its identity."""

    type: str = "custom_model"
    description: str = ""
    tags: Mapping[str, str] | None = None


class ModelRegistry(Protocol):
    """The models of one workspace. All methods may raise TrainupError; repeated calls change nothing further."""

    def find(self, name: str, version: str) -> ModelVersion | None:
        """A version of a model; None if there is none."""
        ...

    def add(self, version: ModelVersion, files: Sequence[File], registration: Registration) -> ModelVersion:
        """Register a version with its files, unless it is there; returns it with id and address.

        The paths of the files begin with `version.path`.
        """
        ...

    def files(self, version: ModelVersion) -> list[File]:
        """The files of a registered version; their paths begin with its `path`."""
        ...

    def take_image(self, source: "ModelRegistry", image: str) -> str:
        """The reference of an image of another registry's workspace in this one, which gets it; equal content."""
        ...

    def live(self, name: str, *, start: bool) -> ModelVersion | None:
        """The version of a model that is live; None if none is.

        Without `start` no process is started for it: NotAtHand where that would be needed.
        """
        ...

    def make_live(self, version: ModelVersion) -> None:
        """Let a registered version be the one that is live, and keep the metrics by which it was judged."""
        ...


@dataclass(frozen=True)
class Reference:
    """Where a version of a model is registered, in one line: `<workspace>/models/<name>/versions/<version>`."""

    workspace: str
    """A folder relative to that of Pulumi.yaml, or the ARM id of a workspace."""
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.workspace}/models/{self.name}/versions/{self.version}"


def parse_reference(text: str) -> Reference:
    """The reference in a text. Raises ValueError."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} names no version of a model: it is <workspace>/models/<name>/versions/<version>, as "
            "`trainup promote` writes it"
        )
    return Reference(match["workspace"], match["name"], match["version"])


def labels_of(version: ModelVersion) -> dict[str, str]:
    """The facts of a version as texts, by the names of labels; what is empty is left out."""
    values = version.to_wire()
    texts = {name: values[name] for name in _FACTS if values[name]}
    return {
        f"{PREFIX}{name}": text if isinstance(text, str) else json.dumps(to_plain(text), sort_keys=True)
        for name, text in texts.items()
    }


def version_of(name: str, labels: Mapping[str, str], **more: Any) -> ModelVersion | None:
    """The version that labels describe; None where they are not trainup's."""
    values = {key: labels[f"{PREFIX}{key}"] for key in _FACTS if f"{PREFIX}{key}" in labels}
    if not values.get("version") or not values.get("digest"):
        return None
    for key in ("data", "metrics"):
        try:
            values[key] = json.loads(values[key]) if key in values else {}
        except ValueError as error:
            raise TargetError(
                f"the tag {PREFIX}{key} of model {name} was changed and is no JSON any more: mend it"
            ) from error
    return from_wire({**values, "name": name, **more})
