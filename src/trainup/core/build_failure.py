"""Why a registry could not build an image, derived from the build's log and the service's message."""

import re
from collections.abc import Sequence

from trainup.core.failure import Failure, FailureClass

_BASE = "check the name of the base image after FROM, and that the registry may pull it"
_SIGNS: tuple[tuple[str, FailureClass, str, str], ...] = (
    (
        r"toomanyrequests|pull rate limit",
        FailureClass.IMAGE_PULL,
        "the base image's registry gives nobody more pulls for now",
        "take the base from another registry, or try again later",
    ),
    (
        r"manifest (for .* )?(unknown|not found)|pull access denied|repository does not exist|unauthorized: ",
        FailureClass.IMAGE_PULL,
        "the base image could not be pulled",
        _BASE,
    ),
    (
        r"no space left on device",
        FailureClass.IMAGE_BUILD,
        "the builder ran out of disk",
        "clean up in the same RUN line (`pip install --no-cache-dir`), or split the image",
    ),
    (
        r"(COPY|ADD) failed|failed to compute cache key|: no such file or directory",
        FailureClass.IMAGE_BUILD,
        "a file that the Dockerfile copies is not in the context",
        "add it to the context, or take it out of .dockerignore",
    ),
    (
        r"dockerfile parse error|unknown instruction",
        FailureClass.IMAGE_BUILD,
        "the Dockerfile cannot be read",
        "correct the line that the log names",
    ),
    (
        r"returned a non-zero code|did not complete successfully",
        FailureClass.IMAGE_BUILD,
        "a RUN line failed",
        "read the lines above it, and correct the Dockerfile or what it installs",
    ),
)
"""(pattern in the log, failure class, its description, what to do); the first pattern that matches counts."""


def classify(status: str, message: str, log: Sequence[str]) -> tuple[Failure, str]:
    """The failure of a build that ended in `status` (the service's word), and what to do about it."""
    if status == "Timeout":
        return Failure(FailureClass.TIMEOUT, message or "the build took too long"), "raise the image's `timeout`"
    if status == "Canceled":
        return Failure(FailureClass.CANCELED, message or "somebody cancelled the build"), "run `pulumi up` again"
    text = "\n".join([*log, message])
    for pattern, kind, words, remedy in _SIGNS:
        if re.search(pattern, text, re.IGNORECASE):
            return Failure(kind, words), remedy
    if status == "Error":
        return Failure(FailureClass.SERVICE, message or "the service failed"), "run `pulumi up` again"
    return Failure(FailureClass.IMAGE_BUILD, message or "the build failed"), "read the log and correct the Dockerfile"
