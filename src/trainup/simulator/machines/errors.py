"""Errors of jobs, in the form in which run history reports them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TAIL_LINES = 5


class Failed(Exception):
    """The job fails."""

    def __init__(self, message: str, *inner: str, code: str = "UserError") -> None:
        """`inner` are the codes of the nested errors, from the outermost inwards."""
        super().__init__(message)
        error: dict[str, Any] = {"code": code, "message": message, "messageParameters": {}, "details": []}
        within = error
        for name in inner:
            within["innerError"] = {"code": name}
            within = within["innerError"]
        self.error = {"error": error, "time": datetime.now(UTC).isoformat(), "componentName": "CommonRuntime"}


class TimedOut(Failed):
    """The job reached its timeout. Reports differ on its final status; here it is `Canceled`."""


def of_exit(command: str, code: int, log: Path) -> Failed:
    """The error of a command with this exit code; a negative code is the signal that ended it."""
    first, code = command.split()[0], 128 - code if code < 0 else code
    if code in (126, 127):
        return Failed(
            f"JobContainerConfigFailed: the command {first!r} could not be started in the image: exit code {code}.",
            "JobContainerConfigFailed",
        )
    tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    return Failed(
        "AzureMLCompute job failed. JobFailed: Submitted script failed with a non-zero exit code; see the driver log "
        f"file for details. Reason: User process '{first}' exited with status code {code}. Please check log file "
        "'user_logs/std_log.txt' for error details. Error: " + "\n".join(tail),
        "UserScriptFailure",
    )
