"""What Azure answers to a request that it does not carry out."""

from collections.abc import Mapping


class Refused(Exception):
    """Status, code and message of an Azure error, as all faces of the stand-in tell it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"Status={status} Code={code!r} Message={message!r}")
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    def envelope(self) -> dict[str, dict[str, str]]:
        """The error as Azure Resource Manager words it."""
        return {"error": {"code": self.code, "message": self.message}}


def not_found(what: str, group: str | None = None) -> Refused:
    """A resource that does not exist."""
    where = f" under resource group '{group}'" if group else ""
    return Refused(404, "ResourceNotFound", f"The Resource '{what}'{where} was not found.")


def throttled(seconds: float = 1) -> Refused:
    """Too many requests; come back later."""
    text = f"{seconds:g}"
    message = f"The request was throttled. Try again in {text} seconds."
    return Refused(
        429,
        "TooManyRequests",
        message,
        {"Retry-After": text} if seconds >= 1 else {"retry-after-ms": str(int(seconds * 1000))},
    )


def unavailable(status: int = 500) -> Refused:
    """The service has a bad moment."""
    return Refused(status, "InternalServerError", "Encountered internal server error.")
