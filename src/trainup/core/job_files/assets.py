"""How job files name environments, data and models: by a version, or by the label `latest`."""

import re
from dataclasses import dataclass

LATEST = "latest"
"""The only label that Azure ML resolves."""
VERSION = re.compile(
    r"azureml:(?://registries/[^/]+/[^/]+/[^/]+/versions/[^/]+|/subscriptions/.+/versions/[^/]+|[^:@/]+:[^:@/]+)"
)
"""What names a version of an asset, here or in a registry."""
_LABEL = re.compile(
    r"azureml:(?://registries/(?P<registry>[^/]+)/(?P<kind>[^/]+)/(?P<shared>[^/@]+)(?:/labels/|@)(?P<a>[^/@]+)"
    r"|(?P<workspace>/subscriptions/.+)/(?P<type>[^/]+)/(?P<whole>[^/@]+)(?:/labels/|@)(?P<b>[^/@]+)"
    r"|(?P<own>[^:@/]+)(?:/labels/|@)(?P<c>[^/@]+))"
)


@dataclass(frozen=True)
class Label:
    """An asset that is named by a label."""

    text: str
    """As the file writes it."""
    name: str
    label: str
    registry: str | None = None
    """Name of the registry that holds it; None for the workspace."""
    workspace: str | None = None
    """Resource id of another workspace that holds it."""

    def at(self, version: str) -> str:
        """The name of one version."""
        if self.registry or self.workspace:
            start = re.split(r"/labels/|@", self.text)[0]
            return f"{start}/versions/{version}"
        return f"azureml:{self.name}:{version}"


def label_of(text: str) -> Label | None:
    """The parts of a name with a label; None for any other text."""
    match = _LABEL.fullmatch(text)
    if match is None:
        return None
    name = match["shared"] or match["whole"] or match["own"]
    return Label(text, name, match["a"] or match["b"] or match["c"], match["registry"], match["workspace"])


def problem_of(text: str, example: str = "azureml:NAME:VERSION") -> str | None:
    """Why a text names neither a version nor `latest`, or None."""
    label = label_of(text)
    if label is not None and label.label != LATEST:
        return f"{text!r} has the label {label.label!r}, and Azure ML resolves `{LATEST}` alone: name it or a version"
    if label is None and not VERSION.fullmatch(text):
        return f"{text!r} names no version: {example}, or NAME@{LATEST}"
    return None
