"""Why a run failed: one class per remedy, the same on every target."""

import signal
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class FailureClass(StrEnum):
    """The cause of a failure, which decides the remedy."""

    QUOTA = "quota"
    CAPACITY = "capacity"
    SIZE = "size"
    IMAGE_BUILD = "image_build"
    IMAGE_PULL = "image_pull"
    ENVIRONMENT = "environment"
    USER_CODE = "user_code"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    PREEMPTED = "preempted"
    SERVICE = "service"


REMEDIES = {
    FailureClass.QUOTA: "ask for more quota, or choose a smaller size or fewer nodes",
    FailureClass.CAPACITY: "ask for fewer nodes or a larger cluster, or try again later",
    FailureClass.SIZE: "set `spot: false` in trainup:cluster, or choose another size of nodes",
    FailureClass.IMAGE_BUILD: "read the build log and correct the requirements or the Dockerfile",
    FailureClass.IMAGE_PULL: "check that the image exists and that the cluster may pull it (a role such as AcrPull "
    "counts only minutes after it was given, up to 15), then run `pulumi up` again",
    FailureClass.ENVIRONMENT: "check the command, its interpreter and the image it runs in",
    FailureClass.USER_CODE: "read the log, correct the script, then run `pulumi up` again",
    FailureClass.TIMEOUT: "raise `timeout`, or make the run shorter",
    FailureClass.CANCELED: "run `pulumi up` again to start a new attempt",
    FailureClass.PREEMPTED: "run `pulumi up` again; the run resumes from its last checkpoint if it writes any",
    FailureClass.SERVICE: "run `pulumi up` again to start a new attempt",
}

FINAL = frozenset({FailureClass.SIZE})
"""Causes that neither waiting nor another attempt removes."""

CANCELED = "the run was canceled: "
"""Beginning of the message where trainup ended a run; the reason follows."""


@dataclass(frozen=True)
class Failure:
    """What went wrong with one attempt.

    `exit_code` is the command's own, or None when it never ended by itself; `signal` is the name
    of the signal that ended it (`SIGKILL`), or None.
    """

    failure_class: FailureClass
    message: str
    exit_code: int | None = None
    signal: str | None = None

    @property
    def remedy(self) -> str:
        """What to do about it, as the end of a sentence."""
        return REMEDIES[self.failure_class]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form for records and outputs; values that are None are left out."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read back what `to_dict` wrote."""
        return cls(
            failure_class=FailureClass(data["failure_class"]),
            message=data["message"],
            exit_code=data.get("exit_code"),
            signal=data.get("signal"),
        )


def of_exit(returncode: int) -> Failure | None:
    """Classify how a command ended; None for success.

    `returncode` follows `subprocess`: negative numbers are signals. 126 and 127 are the shell's
    "cannot execute" and "not found", so the environment is at fault, not the script.
    """
    if returncode == 0:
        return None
    number = -returncode if returncode < 0 else returncode - 128 if 128 < returncode <= 192 else None
    if number is not None:
        name = _signal_name(number)
        hint = "; the machine may have run out of memory" if name == "SIGKILL" else ""
        code = returncode if returncode > 0 else None
        return Failure(FailureClass.USER_CODE, f"the command was ended by {name}{hint}", code, name)
    if returncode in (126, 127):
        return Failure(
            FailureClass.ENVIRONMENT, f"the command could not be started (exit code {returncode})", returncode
        )
    return Failure(FailureClass.USER_CODE, f"the command ended with exit code {returncode}", returncode)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
