"""One request to Azure and its response as a record that tells nothing about whose they are.

Only structure is kept: methods, routes, statuses, the names of properties, and the values of properties from a short
list of Azure's own words (`provisioningState`, `code` …). All other texts are replaced by what kind of text they are.
"""

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

GUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
WORDS_OF_AZURE = frozenset(
    {"accesstype", "allocationstate", "authtype", "code", "computetype", "credentialstype", "credentialtype"}
    | {"datastoretype", "endpointtype", "errortype", "jobtype", "kind", "level", "location", "message", "mode"}
    | {"pendinguploadtype", "provisioningstate", "publicnetworkaccess", "state", "status", "supportedcomputetypes"}
    | {"type", "unit", "vmpriority", "vmsize"}
)
"""Properties, in lower case, whose texts are kept: they are Azure's words, or messages, which are masked."""
CATALOGS = ("vmsizes", "usages")
"""Last segments of routes whose responses are kept but for ids: they are the same for every subscription."""
MAPS_OF_USERS = frozenset(
    {"environmentvariables", "metrics", "mirrortraffic", "parameters", "tags", "traffic", "userassignedidentities"}
)
"""Properties, in lower case, whose keys are not Azure's."""
DATA_PLANE = frozenset(
    {"_catalog", "acr", "blobs", "discovery", "exchange", "keys", "list", "manifests", "metadata", "oauth2", "score"}
    | {"secrets", "tags", "token", "uploads", "v1", "v2"}
)
"""Segments that are kept in paths that lead to no resource of a subscription."""
NAME = "{}"
"""What stands in routes for names and ids."""
MOST_ITEMS = 3
"""Number of items of a list that are kept."""

_MASKS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), "<token>"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<mail>"),
    (re.compile(r"https?://[^\s'\"<>)]+"), "<address>"),
    (re.compile(r"/?subscriptions/[^\s'\"<>)]+", re.IGNORECASE), "<id>"),
    (GUID, "<guid>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<ip>"),
    (re.compile(r"\bsig=[^&\s]+"), "<signature>"),
)


@dataclass(frozen=True)
class Exchange:
    """A request and its response, redacted."""

    method: str
    route: str
    """The path, with `{}` for ids and names: `/subscriptions/{}/resourceGroups/{}/providers/…/jobs/{}`."""
    query: Sequence[str]
    """The names of the query parameters, sorted; with `=value` for `api-version`."""
    status: int
    """HTTP status."""
    request: Any = None
    """The request's JSON, redacted; None where it had none."""
    response: Any = None
    """The response's JSON, redacted; None where it had none."""
    headers: Sequence[str] = ()
    """The names of the response's headers that say when and where to ask again."""
    seconds: float = 0.0
    """When the request was sent, in seconds since the epoch."""
    about: str = ""
    """The same for all requests about the resource of one name; a keyed hash of the last name in the path."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of a line in a record."""
        return asdict(self)


def route_of(url: str) -> str:
    """The path of a URL, with `{}` for the names and ids in it; several at its end are `{}/…`."""
    route = "/" + "/".join(shown for _, shown in _segments(url))
    return re.sub(r"(/\{\}){2,}$", "/{}/…", route)


def names_in(url: str) -> list[str]:
    """The names and ids in the path of a URL, the longest first."""
    return sorted({part for part, shown in _segments(url) if shown == NAME}, key=len, reverse=True)


def _segments(url: str) -> list[tuple[str, str]]:
    """The segments of a path, and what is shown of each."""
    segments = [unquote(part) for part in urlsplit(url).path.split("/") if part]
    lower = [part.lower() for part in segments]
    if "subscriptions" not in lower and "providers" not in lower:
        return [(part, part if part.lower() in DATA_PLANE else NAME) for part in segments]
    start = lower.index("subscriptions") if "subscriptions" in lower else 0
    shown = segments[:start]
    is_name = False
    for index in range(start, len(segments)):
        word, before = lower[index], lower[index - 1] if index else ""
        if word == "api":  # `…/api/2.0/mlflow/runs/get` has no names
            return list(zip(segments, shown + segments[index:], strict=True))
        if word == "providers" or before == "providers":
            shown.append(segments[index])
            is_name = False
        else:
            shown.append(NAME if is_name or not segments[index].isalpha() else segments[index])
            is_name = not is_name
    return list(zip(segments, shown, strict=True))


def masked(text: str, names: Iterable[str] = ()) -> str:
    """A message without addresses, ids, tokens and the names given."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    for name in names:
        if len(name) > 2:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "<name>", text, flags=re.IGNORECASE)
    return text


def redacted(value: Any, names: Sequence[str] = (), key: str = "", *, is_catalog: bool = False) -> Any:
    """JSON with its structure and Azure's own words; every other text is replaced by its kind."""
    if isinstance(value, Mapping):
        if key.lower() in MAPS_OF_USERS:
            return {f"<{len(value)}>": "<text>"} if value else {}
        return {
            masked(str(name), names): redacted(item, names, str(name), is_catalog=is_catalog)
            for name, item in value.items()
        }
    if isinstance(value, list):
        items = value if is_catalog else value[:MOST_ITEMS]
        return [redacted(item, names, key, is_catalog=is_catalog) for item in items]
    if not isinstance(value, str) or not value:
        return value
    if key.lower() in WORDS_OF_AZURE or (is_catalog and key.lower() != "id"):
        return masked(value, names)
    return _kind(value)


def exchange_of(
    method: str,
    url: str,
    status: int,
    *,
    request: Any = None,
    response: Any = None,
    headers: Iterable[str] = (),
    seconds: float = 0.0,
    key: str = "",
) -> Exchange:
    """The record of a request; `request` and `response` are its JSON values, `key` that of the hashes of names."""
    route, names = route_of(url), names_in(url)
    parameters = [part.partition("=") for part in urlsplit(url).query.split("&") if part]
    shown = sorted(f"{name}={value}" if name == "api-version" else name for name, _, value in parameters)
    is_catalog = route.lower().rpartition("/")[2] in CATALOGS
    asked = sorted({name.lower() for name in headers} & {"retry-after", "location", "azure-asyncoperation"})
    return Exchange(
        method,
        route,
        shown,
        status,
        redacted(request, names),
        redacted(response, names, is_catalog=is_catalog),
        asked,
        round(seconds, 1),
        _about(url, key),
    )


def _about(url: str, key: str) -> str:
    names = [part for part, shown in _segments(url) if shown == NAME]
    return hmac.new(key.encode(), names[-1].lower().encode(), "sha256").hexdigest()[:8] if names and key else ""


def _kind(text: str) -> str:
    if GUID.fullmatch(text):
        return "<guid>"
    if text.lower().startswith("/subscriptions/"):
        return "<id>"
    if re.match(r"[a-z]+://", text):
        return "<address>"
    if re.fullmatch(r"\d{4}-\d\d-\d\d[T ].*", text):
        return "<time>"
    return "<text>"
