"""Classifies the failure of an Azure ML job by the service's error message."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trainup.core.failure import Failure, FailureClass, of_exit

RULES: tuple[tuple[FailureClass, str], ...] = (
    # The first matching rule decides: size before the rest, since no other remedy helps; quota before capacity, build
    # before pull, everything before user code.
    (FailureClass.SIZE, r"UnsupportedVMSizeForLowPriority|not allowed for LowPriority"),
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
        r"non-?zero exit (?:code|status)|ExecutionFailed|exit(?:ed)?(?: with)?(?: status| code)?:? ?\d+",
    ),
)
_PATTERNS = [(kind, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for kind, pattern in RULES]
_SCRIPT_ENDED = re.compile(
    r"UserScript|Submitted script failed|User program failed|JobNonZeroExit|job failed with (?:a )?non-?zero exit|"
    r"process '[^']*' exited with|exit_codes:",
    re.IGNORECASE,
)
"""Matches if the script itself ended; then only its exit code is used, since the text also has the script's output."""
_LAST_WORDS = re.compile(r"\bError:|\bTraceback\b")
"""Start of the script's output in a message."""
_SCRIPT_EXIT = re.compile(r"process '[^']*' exited with (?:status )?code (\d+)|exit_codes: (\d+)", re.IGNORECASE)
_EXIT = re.compile(
    r"(?:exit(?:ed)?(?: with)?|return(?:ed)?)(?: non-?zero)?(?: status| code)*[:= ]+(?:code )?(-?\d+)", re.I
)
_ROLE = re.compile(
    r"Identity of the specified managed compute .*not found|PermissionDenied|AuthorizationPermissionMismatch|"
    r"AuthorizationFail(?:ed|ure)|StreamAccess\.Authentication",
    re.IGNORECASE | re.DOTALL,
)
"""What Azure ML reports of an identity without its role on storage, as users saw it."""
_NO_IMAGE = re.compile(r"manifest|toomanyrequests|name unknown|no space left", re.IGNORECASE)
"""Reasons for which a pull fails that have nothing to do with roles."""
_PULL = re.compile(r"pull|unauthorized|403|forbidden", re.IGNORECASE)


def texts(envelope: Mapping[str, Any] | None) -> Iterator[str]:
    """Codes and messages of an error, from the outermost inwards.

    Run history nests the error twice: `{"error": {"error": {"code", "message", "innerError": {…}}}}`.
    """
    inner: Any = envelope
    while isinstance(inner, Mapping):
        for key in ("code", "message"):
            if inner.get(key):
                yield str(inner[key])
        inner = inner.get("error") or inner.get("innerError") or inner.get("innererror")


def message_of(envelope: Mapping[str, Any] | None) -> str:
    """The longest message in an error; the outer ones often only say that something failed."""
    sentences = [text for text in texts(envelope) if " " in text]
    return max(sentences, key=len, default=" ".join(texts(envelope))).strip()


def class_of(text: str) -> FailureClass | None:
    """The failure class that a text matches; None if it matches none."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), None)


def lacks_role(envelope: Mapping[str, Any] | None, *, ran: bool = True) -> bool:
    """Whether the error of a job is one that an identity without its role gets. `ran` is as for `classify`."""
    text = _text(envelope, ran)
    if _SCRIPT_ENDED.search(text):
        return False
    if classify(envelope, ran=ran).failure_class is FailureClass.IMAGE_PULL:
        return not _NO_IMAGE.search(text)
    return bool(_ROLE.search(text))


def classify(
    envelope: Mapping[str, Any] | None, *, fallback: FailureClass = FailureClass.SERVICE, ran: bool = True
) -> Failure:
    """The failure for an error of the service. With `ran`, the error may contain output of the script."""
    message = message_of(envelope) or "Azure ML gives no reason"
    text = _text(envelope, ran)
    if _SCRIPT_ENDED.search(text):
        return _of_script(message, _number(_SCRIPT_EXIT.search(text)))
    kind = class_of(text) or (FailureClass.SERVICE if _ROLE.search(text) else fallback)
    if kind is FailureClass.ENVIRONMENT and _PULL.search(text) and "environment preparation" in text.lower():
        kind = FailureClass.IMAGE_PULL
    code = _number(_EXIT.search(text))
    return _of_script(message, code) if kind is FailureClass.USER_CODE else Failure(kind, message, code)


def _text(envelope: Mapping[str, Any] | None, ran: bool) -> str:
    """Codes and messages of an error, without the output of the script."""
    return "\n".join(_LAST_WORDS.split(part)[0] if ran else part for part in texts(envelope))


def _of_script(message: str, code: int | None) -> Failure:
    exited = None if code is None else of_exit(code)
    if exited is None:
        return Failure(FailureClass.USER_CODE, message, code)
    return Failure(exited.failure_class, message, exited.exit_code, exited.signal)


def _number(match: re.Match[str] | None) -> int | None:
    return int(next(filter(None, match.groups()))) if match else None
