"""A registered version of a model, the same on every target: what a gate judges, and what is `live`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from trainup.core.numbers import to_number

DIGITS = 12
"""How many hexadecimal digits of the content's digest name a version."""


def number_of(digest: str) -> str:
    """The number of the version with this content: other words after `models:/<name>/` are stages for MLflow."""
    return str(int(digest[:DIGITS], 16))


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model and where it is from. The fields are the keys of outputs such as `live`."""

    name: str
    """Name of the model in the target's registry."""
    version: str
    """The first `DIGITS` digits of `digest` as a decimal number: equal content is one version. Empty: there is none."""
    id: str = ""
    """What the target calls it: on Azure the ARM id of the model version, on this machine `models:/<name>/<number>`."""
    uri: str = ""
    """The folder with its files: on this machine relative to the folder of Pulumi.yaml, on Azure `azureml://…`."""
    path: str = ""
    """Name of its file or folder in that folder."""
    digest: str = ""
    """SHA-256 over paths and content of its files."""
    run: str = ""
    """The attempt that left it behind, by the target's name."""
    run_digest: str = ""
    """Digest of that run."""
    image: str = ""
    """The image of that run by digest; what serves the model uses the same."""
    commit: str = ""
    """The git commit that was checked out when the run was started; empty where it is unknown."""
    data: Mapping[str, str] = field(default_factory=dict)
    """Data input of the run → its digest."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The metrics by which a gate judges it."""

    def to_wire(self) -> dict[str, Any]:
        """It as an output of a resource."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "data": dict(self.data), "metrics": dict(self.metrics)}


def from_wire(value: Mapping[str, Any]) -> ModelVersion:
    """The version in an output; keys that this trainup does not know are left out."""
    known = {one.name: value[one.name] for one in fields(ModelVersion) if one.name in value}
    metrics = {str(key): to_number(item) for key, item in (known.pop("metrics", None) or {}).items()}
    return ModelVersion(**{"name": "", "version": "", **known}, metrics=metrics)


def nothing(name: str) -> ModelVersion:
    """What is live of a model of which no version is."""
    return ModelVersion(name, "")
