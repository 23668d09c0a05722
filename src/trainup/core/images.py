"""Image references, and versions of environments that are derived from their content."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from trainup.core.canonical import sha256

NODE_PLATFORM = "linux/amd64"
"""The platform of Azure ML's nodes, for which images are built and looked up by default."""


class ImageBuilder(StrEnum):
    """How the image of an Azure stack is made."""

    ACR = "acr"
    """The container registry builds it in the cloud; nothing is needed on this machine."""
    DOCKER = "docker"
    """The Docker daemon of this machine builds it and pushes it with the user's login."""
    PREBUILT = "prebuilt"
    """It exists already."""


@dataclass(frozen=True)
class ImageReference:
    """`server/repository:tag@digest`; the tag, the digest or both may be missing."""

    server: str
    repository: str
    tag: str | None = None
    digest: str | None = None


DOCKER_HUB = "docker.io"
_REFERENCE = re.compile(
    r"(?:(?P<server>[a-zA-Z0-9.-]+\.[a-zA-Z0-9-]+(?::\d+)?|[a-zA-Z0-9-]+:\d+|localhost)/)?"
    r"(?P<repository>[a-z0-9]+(?:(?:\.|_{1,2}|-+|/)[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def parse_reference(text: str) -> ImageReference:
    """The parts of an image reference. ValueError names the expected form."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no image reference: it has the form server/repository:tag or server/repository@sha256:…, "
            "all but the tag in lower case"
        )
    repository = match["repository"]
    if match["server"] is None and "/" not in repository:
        repository = f"library/{repository}"
    return ImageReference(match["server"] or DOCKER_HUB, repository, match["tag"], match["digest"])


_SERVER = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:\d{1,5})?")


def check_server(text: str) -> str | None:
    """Why this is not the host name of a registry, or None."""
    if _SERVER.fullmatch(text):
        return None
    host = text.partition("://")[2] or text
    match = _SERVER.match(host)
    hint = f": write {match[0]}" if match and match[0] != text else ""
    return f"{text!r} is no host of a registry: it is a name such as ghcr.io, with a port or without{hint}"


def environment_version(reference: str, conda: str | None = None, owner: str | None = None) -> str:
    """The version of an environment, derived from its content: equal images and packages have equal versions.

    `owner` distinguishes environments that are equal but belong to different owners.
    """
    optional = {"conda": conda, "owner": owner}
    return sha256({"image": reference} | {key: value for key, value in optional.items() if value is not None})[:12]


def managed_reference(environment: str, image: str, conda: str) -> str:
    """The reference of an environment whose packages Azure ML installs: its name and the digest of its content."""
    return f"{environment}@sha256:{sha256({'image': image, 'conda': conda})}"


def is_managed(reference: str, environment_id: str | None) -> bool:
    """Whether the image is an environment whose packages Azure ML installs, and therefore cannot be pulled."""
    name = (environment_id or "").rpartition("/environments/")[2].partition("/")[0]
    return bool(name) and reference.startswith(f"{name}@")


def conda_from_pip(packages: Sequence[str], python: str = "3.11") -> str:
    """The Conda file, as YAML, that installs these packages with pip."""
    lines = ["channels:", "- conda-forge", "dependencies:", f"- python={python}", "- pip", "- pip:"]
    return "\n".join([*lines, *(f"  - {_quoted(package)}" for package in packages)]) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
