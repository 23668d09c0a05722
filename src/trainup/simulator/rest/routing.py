"""Requests, responses, and the table that says who answers what.

A face is a module with a table `ROUTES`, listed in `rest/faces.py`:

    ROUTES = (
        Route("POST", f"{REGISTRY}/scheduleRun", schedule_run),
        Route("GET", "/v2/{repository:path}/manifests/{reference}", manifest, open=True),
    )

    def schedule_run(azure: Azure, request: Request) -> Response:
        registry = azure.get(request.resource)     # Refused with 404 becomes the answer
        wanted = request.json()
        return Response(200, {"properties": {"runId": "ca1"}})

The words of a pattern match in any case. `{name}` is one segment of the path, `{name:path}` any number of them,
`{name:a|b}` one of these words; all are in `request.parts` as they were written, with percent signs resolved. The
first route that matches wins, in the order of `faces.py`, which ends with what answers for any resource. A `Refused`
that a handler raises becomes Azure's error envelope. Unless a route is `open`, a request without a valid token gets
401 before the handler sees it. Any other exception is a mistake in the stand-in: the client gets 500, and the
rehearsal fails. Handlers run side by side: what they keep belongs into `Azure` or behind a lock.

werkzeug.routing (3.1, tried) matches the words of a rule in one case only, while clients write Azure's paths in any;
and it takes the rule that it ranks highest, not the first. Its import would add an eighth to the simulator's start.
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
    """One request, read to its end."""

    method: str
    path: str
    """As it came, percent signs included."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Lower-case name → value."""

    body: bytes = b""
    parts: Mapping[str, str] = field(default_factory=dict)
    """What the braces of the route's pattern matched."""

    def json(self) -> dict[str, Any]:
        """The body as an object, empty when there is none; Refused for anything else."""
        if not self.body.strip():
            return {}
        try:
            told = json.loads(self.body)
        except ValueError as error:
            raise Refused(400, "InvalidRequestContent", f"The request content was invalid: {error}") from error
        if not isinstance(told, dict):
            raise Refused(400, "InvalidRequestContent", "The request content was invalid: it is no object.")
        return told

    def number(self, name: str, default: int) -> int:
        """A number in the query; Refused for what is none."""
        told = self.query.get(name) or str(default)
        if not told.isdecimal():
            raise Refused(400, "InvalidQueryParameterValue", f"{name} has to be a number from 0, and is {told!r}.")
        return int(told)

    @property
    def resource(self) -> str:
        """The resource id that the path is, or begins with before an action."""
        path = unquote(self.path).rstrip("/")
        return path if _is_resource(path) else path.rsplit("/", 1)[0]

    @property
    def workspace(self) -> str:
        """Id of the workspace in the path, wherever in it."""
        return WORKSPACE.format(**self.parts)


def _is_resource(path: str) -> bool:
    parts = path.lower().split("/")
    if "providers" not in parts:
        return len(parts) % 2 == 1
    return parts[::-1].index("providers") % 2 == 1  # a namespace, then types and names in turn


@dataclass(frozen=True)
class Response:
    """An answer."""

    status: int = 200
    body: Any = None
    """None, bytes, text, a file's `Section`, or what JSON can hold."""

    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A part of a file, sent without being read at once."""

    path: Path
    start: int
    size: int


Handler = Callable[[Azure, Request], Response]


@dataclass(frozen=True)
class Route:
    """Who answers the requests of a method whose path has this form."""

    method: str
    """`*` for any."""

    pattern: str
    handler: Handler
    open: bool = False
    """Whether it needs no token: it is for anyone, or the handler looks at other proof itself."""


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route, _compiled(route.pattern)) for route in routes]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and what its braces matched; Refused with 404 or 405 when there is none."""
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
    """Path and query of a request line's target. A key without a value is there with an empty one."""
    path, _, query = target.partition("?")
    return path, dict(parse_qsl(query, keep_blank_values=True))
