"""Requests, responses and routes of the HTTPS services.

Each service is a module with a table `ROUTES`, which `rest/faces.py` lists:

    ROUTES = (
        Route("POST", f"{REGISTRY}/scheduleRun", schedule_run),
        Route("GET", "/v2/{repository:path}/manifests/{reference}", manifest, open=True),
    )

    def schedule_run(azure: Azure, request: Request) -> Response:
        registry = azure.get(request.resource)     # raises Refused, which becomes the response
        order = request.json()
        return Response(200, {"properties": {"runId": "ca1"}})

A pattern matches in any case. `{name}` stands for one segment of the path, `{name:path}` for any number of segments,
`{name:a|b}` for one of these words. Their values are in `request.parts`, percent-decoded. The first matching route in
the order of `faces.py` handles the request. A `Refused` that a handler raises becomes Azure's error response. Unless a
route is `open`, a request without a valid token gets 401 before its handler is called. Any other exception is a fault
of the simulator: the client gets 500, and the rehearsal fails. Handlers run concurrently, so they keep state only in
`Azure` or behind a lock.

werkzeug.routing 3.1 was tried. Its rules are case-sensitive, while clients write Azure's paths in any case, and it
picks the rule with the highest rank instead of the first. Its import would lengthen the simulator's start by an eighth.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.refusal import Refused

ANY = "*"
SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/{{workspace}}"
REGISTRY = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{{registry}}"


@dataclass(frozen=True)
class Request:
    """One request with its whole body."""

    method: str
    path: str
    """Path as it was received, percent-encoded."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Lower-case name → value."""

    body: bytes = b""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Name in the route's pattern → the matched part of the path."""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, `{}` without a body. Raises Refused with 400 for anything else."""
        if not self.body.strip():
            return {}
        try:
            content = json.loads(self.body)
        except ValueError as error:
            raise Refused(400, "InvalidRequestContent", f"The request content was invalid: {error}") from error
        if not isinstance(content, dict):
            raise Refused(400, "InvalidRequestContent", "The request content was invalid: it is no object.")
        return content

    def number(self, name: str, default: int) -> int:
        """A query parameter as a number. Raises Refused with 400 for another value."""
        text = self.query.get(name) or str(default)
        if not text.isdecimal():
            raise Refused(400, "InvalidQueryParameterValue", f"{name} has to be a number from 0, and is {text!r}.")
        return int(text)

    @property
    def resource(self) -> str:
        """The resource id in the path, without a final action."""
        path = unquote(self.path).rstrip("/")
        return path if _is_resource(path) else path.rsplit("/", 1)[0]

    @property
    def workspace(self) -> str:
        """Resource id of the workspace in the path."""
        return WORKSPACE.format(**self.parts)


def _is_resource(path: str) -> bool:
    parts = path.lower().split("/")
    if "providers" not in parts:
        return len(parts) % 2 == 1
    return parts[::-1].index("providers") % 2 == 1  # a namespace, then pairs of type and name


@dataclass(frozen=True)
class Response:
    """The response to a request."""

    status: int = 200
    body: Any = None
    """None, bytes, a string, a `Section` of a file, or a value for JSON."""

    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A part of a file, which is sent in chunks instead of being read at once."""

    path: Path
    start: int
    size: int


Handler = Callable[[Azure, Request], Response]


@dataclass(frozen=True)
class Route:
    """The handler of the requests with this method and path."""

    method: str
    """HTTP method; `*` for any."""

    pattern: str
    handler: Handler
    open: bool = False
    """Whether it needs no token, because it is public or its handler checks other credentials."""


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route, _compiled(route.pattern)) for route in routes]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The first matching route with the parts of the path. Raises Refused with 404 or 405 without a match."""
        methods = set()
        for route, pattern in self._routes:
            if not (match := pattern.fullmatch(path)):
                continue
            if route.method in (method, ANY):
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
            methods.add(route.method)
        if methods:
            raise Refused(405, "MethodNotAllowed", f"{method} is not allowed here, only {', '.join(sorted(methods))}.")
        raise Refused(404, "NotFound", f"There is nothing at {path}.")


_BRACES = re.compile(r"{(\w+)(?::([^}]+))?}")


def _compiled(pattern: str) -> re.Pattern[str]:
    text, at = "", 0
    for match in _BRACES.finditer(pattern):
        inner = ".*" if match[2] == "path" else match[2] or "[^/]+"
        text += re.escape(pattern[at : match.start()]) + f"(?P<{match[1]}>{inner})"
        at = match.end()
    return re.compile(text + re.escape(pattern[at:]) + "/?", re.IGNORECASE)


def parse_target(target: str) -> tuple[str, dict[str, str]]:
    """Path and query of a request target. A key without a value gets an empty one."""
    path, _, query = target.partition("?")
    return path, dict(parse_qsl(query, keep_blank_values=True))
