"""Why a job on Azure ML failed, from what the service says of it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trainup.core.failure import Failure, FailureClass, of_exit

RULES: tuple[tuple[FailureClass, str], ...] = (
    # The first that fits counts: quota before capacity, the build before the pull, anything before user code.
    (
        FailureClass.PREEMPTED,
        r"pre-?empt|evict|spot (?:vm|node|instance)s? (?:was|were|has been) (?:deallocated|reclaimed)",
    ),
    (
        FailureClass.QUOTA,
        r"quota|ClusterMinNodesExceedCoreQuota|JobNodeCountExceedsCoreQuota|not a supported VM size|"
        r"exceed(?:s|ing)? .*(?:core|vCPU)s? limit",
    ),
    (
        FailureClass.IMAGE_BUILD,
        r"image ?build|ImageBuildFailure|20_image_build_log|build(?:ing)? (?:the )?image failed",
    ),
    (
        FailureClass.IMAGE_PULL,
        r"(?:pull|download)\w* .*image|docker ?pull|image pull|ImagePull|manifest (?:unknown|for .* not found)|"
        r"toomanyrequests|pull access denied|unauthorized: .*(?:repository|registry|acr|auth)",
    ),
    (
        FailureClass.CAPACITY,
        r"AllocationFail|allocation failed|OverconstrainedAllocation|SkuNotAvailable|ZonalAllocationFailed|"
        r"(?:insufficient|not enough|no) capacity|out of capacity|OutOfCapacity",
    ),
    (
        FailureClass.TIMEOUT,
        r"time(?:d)? ?-?out.*(?:exceed|reach|expire)|(?:exceed|reach|expire)\w* .*(?:time ?-?out|time limit|"
        r"max(?:imum)? (?:allowed )?(?:run )?(?:duration|time))|longer than (?:its|the) time ?-?out|ExperimentTimeout|"
        r"JobTimeout",
    ),
    (
        FailureClass.ENVIRONMENT,
        r"JobContainerConfigFailed|environment preparation failed|command not found|No such file or directory.*(?:bash|"
        r"python)|executable file not found|exit(?:ed)?(?: with)?(?: status| code)?:? ?12[67]\b|OCI runtime",
    ),
    (FailureClass.CANCELED, r"\bcancel+(?:l?ed|ation)\b"),
    (
        FailureClass.USER_CODE,
        r"non-?zero exit (?:code|status)|Submitted script failed|UserScript|User program failed|ExecutionFailed|"
        r"exit(?:ed)?(?: with)?(?: status| code)?:? ?\d+",
    ),
)
_PATTERNS = [(kind, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for kind, pattern in RULES]
_EXIT = re.compile(
    r"(?:exit(?:ed)?(?: with)?|return(?:ed)?)(?: non-?zero)?(?: status| code)*[:= ]+(?:code )?(-?\d+)", re.I
)
_PULL = re.compile(r"pull|unauthorized|403|forbidden", re.IGNORECASE)
MOST_CHARACTERS = 2000


def texts(envelope: Mapping[str, Any] | None) -> Iterator[str]:
    """Codes and messages of an error, the outer ones first.

    Run history wraps them twice: `{"error": {"error": {"code", "message", "innerError": {…}}}}`.
    """
    inner: Any = envelope
    while isinstance(inner, Mapping):
        for key in ("code", "message"):
            if inner.get(key):
                yield str(inner[key])
        inner = inner.get("error") or inner.get("innerError") or inner.get("innererror")


def message_of(envelope: Mapping[str, Any] | None) -> str:
    """The longest sentence in an error: outer ones often say only that something went wrong."""
    found = [text for text in texts(envelope) if " " in text]
    return max(found, key=len, default=" ".join(texts(envelope))).strip()[:MOST_CHARACTERS]


def class_of(text: str) -> FailureClass | None:
    """The class that a text tells of, if any."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), None)


def classify(envelope: Mapping[str, Any] | None, *, fallback: FailureClass = FailureClass.SERVICE) -> Failure:
    """The failure in an error that the service reports."""
    text = "\n".join(texts(envelope))
    message = message_of(envelope) or "Azure ML gives no reason"
    kind = class_of(text) or fallback
    if kind is FailureClass.ENVIRONMENT and _PULL.search(text) and "environment preparation" in text.lower():
        kind = FailureClass.IMAGE_PULL
    code = exit_code(text)
    if kind is FailureClass.USER_CODE and code is not None and (exited := of_exit(code)):
        if exited.failure_class is FailureClass.ENVIRONMENT:
            kind = FailureClass.ENVIRONMENT
        return Failure(kind, message, exited.exit_code, exited.signal)
    return Failure(kind, message, code)


def exit_code(text: str) -> int | None:
    """The exit code that a message tells."""
    match = _EXIT.search(text)
    return int(match[1]) if match else None
