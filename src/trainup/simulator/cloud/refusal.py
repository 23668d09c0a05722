"""Azure's error responses."""

from collections.abc import Mapping


class Refused(Exception):
    """An Azure error with HTTP status, code and message, which each service of the simulator puts into its own form."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        is_left: bool = False,
    ) -> None:
        """With `is_left`, the service keeps the resource of a refused PUT in the provisioning state Failed."""
        super().__init__(f"Status={status} Code={code!r} Message={message!r}")
        self.status, self.code, self.message = status, code, message
        self.headers, self.is_left = dict(headers or {}), is_left

    def envelope(self) -> dict[str, dict[str, str]]:
        """The body of the error response of Azure Resource Manager."""
        return {"error": {"code": self.code, "message": self.message}}


def not_found(what: str, group: str | None = None) -> Refused:
    """The error for a resource that does not exist."""
    where = f" under resource group '{group}'" if group else ""
    return Refused(404, "ResourceNotFound", f"The Resource '{what}'{where} was not found.")


def throttled(seconds: float = 1) -> Refused:
    """The error for too many requests; the client should retry after these seconds."""
    text = f"{seconds:g}"
    message = f"The request was throttled. Try again in {text} seconds."
    return Refused(
        429,
        "TooManyRequests",
        message,
        {"Retry-After": text} if seconds >= 1 else {"retry-after-ms": str(int(seconds * 1000))},
    )


def unavailable(status: int = 500) -> Refused:
    """The error of a service that is temporarily unavailable."""
    return Refused(status, "InternalServerError", "Encountered internal server error.")
