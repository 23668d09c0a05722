"""Requests to Azure: with a token, retried as the service asks, and with errors that say what it said."""

import copy
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline import PipelineResponse, policies
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from trainup.jobs.azure.http.endpoints import Endpoints
from trainup.jobs.target import TargetError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

API_VERSION = "2025-12-01"
"""Of everything below `Microsoft.MachineLearningServices`."""
CONNECT_SECONDS = 30
READ_SECONDS = 120
METHODS = frozenset({"HEAD", "GET", "PUT", "DELETE", "POST"})
"""All may be repeated: most of what trainup posts (cancel, start an upload, list) has the same effect twice as once."""


Read = tuple[str, Mapping[str, str]]
"""A question: address and query."""


class AzureError(TargetError):
    """Azure refused. `status` is that of HTTP (0 when there was no answer), `code` Azure's own."""

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Patience:
    """How often a request is repeated after 408, 429, 5xx or a lost connection, and how long the pauses are at most.

    The defaults hold out for three minutes.
    """

    tries: int = 8
    first_pause: float = 0.8
    longest_pause: float = 60

    @property
    def retries(self) -> dict[str, Any]:
        """The same in the words of the Azure SDK."""
        kinds = dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), self.tries)
        return {**kinds, "retry_backoff_factor": self.first_pause, "retry_backoff_max": self.longest_pause}


class AzureClient:
    """Speaks to the resource manager of one cloud, and with the same token to the data planes of Azure ML.

    Addresses are whole (`https://…`) or resource ids (`/subscriptions/…`). Safe to use from several threads.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        credential: "TokenCredential",
        patience: Patience = Patience(),
        scope: str | None = None,
    ) -> None:
        self.endpoints, self.credential, self.patience = endpoints, credential, patience
        self._client = _pipeline(endpoints.resource_manager, patience, credential, scope or endpoints.scope)
        self._anonymous = _pipeline(endpoints.resource_manager, patience)
        self._early: dict[str, Future[dict[str, Any]]] = {}

    def for_scope(self, scope: str) -> "AzureClient":
        """The same client with tokens for another service."""
        return AzureClient(self.endpoints, self.credential, self.patience, scope)

    def apart(self) -> "AzureClient":
        """The same client with early answers of its own."""
        other = copy.copy(self)
        other._early = {}
        return other

    @contextmanager
    def asking_early(self, *reads: Read) -> Iterator[None]:
        """Ask all of this at once; within the block, the first `get` of each has the answer that was on its way."""
        self.token()  # one login for all of them
        pool = ThreadPoolExecutor(len(reads) or 1)
        self._early = {_name(*read): pool.submit(self._get, *read) for read in reads}
        try:
            yield
        finally:
            self.forget_early()
            # Nobody waits for what nobody wanted to know.
            pool.shutdown(wait=False, cancel_futures=True)

    def forget_early(self) -> None:
        """Ask anew from now on, as is due before anything is changed, and after."""
        self._early = {}

    def get(self, address: str, *, version: str = API_VERSION, **query: str) -> dict[str, Any]:
        """The JSON at an address."""
        early = self._early.pop(_name(address, query), None) if version == API_VERSION else None
        return early.result() if early else self._get(address, query, version)

    def _get(self, address: str, query: Mapping[str, str], version: str = API_VERSION) -> dict[str, Any]:
        return self._json(self.send("GET", address, version=version, query=query))

    def find(self, address: str, *, version: str = API_VERSION, **query: str) -> dict[str, Any] | None:
        """The JSON at an address, or None where there is nothing."""
        try:
            return self.get(address, version=version, **query)
        except AzureError as error:
            if error.status == 404:
                return None
            raise

    def put(self, address: str, body: Mapping[str, Any], *, version: str = API_VERSION) -> dict[str, Any]:
        """Create or update; returns what is there now."""
        return self._json(self.send("PUT", address, body, version=version))

    def token(self) -> str:
        """A token for the resource manager, for services that take it in exchange for one of their own."""
        try:
            return self.credential.get_token(self.endpoints.scope).token
        except SdkError as error:
            raise _no_login(error) from error

    def post(
        self,
        address: str,
        body: Mapping[str, Any] | None = None,
        *,
        version: str = API_VERSION,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
        **query: str,
    ) -> dict[str, Any]:
        """Carry out an action; an answer without content is an empty map. `repeat`: twice has the effect of once."""
        options = {"version": version, "query": query, "headers": headers, "repeat": repeat}
        return self._json(self.send("POST", address, body or {}, **options))  # type: ignore[arg-type]

    def delete(self, address: str, *, version: str = API_VERSION, **query: str) -> None:
        """Delete; what is not there is no error."""
        try:
            self.send("DELETE", address, version=version, query=query)
        except AzureError as error:
            if error.status != 404:
                raise

    def pages(self, address: str, *, version: str = API_VERSION, **query: str) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page."""
        page = self.get(address, version=version, **query)
        while True:
            yield from page.get("value", [])
            if not (link := page.get("nextLink")):
                return
            page = self._json(self.send("GET", link, version=""))

    def send(
        self,
        method: str,
        address: str,
        body: Mapping[str, Any] | None = None,
        *,
        version: str = API_VERSION,
        query: Mapping[str, str] | None = None,
        content: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = False,
        allowed: tuple[int, ...] = (),
        repeat: bool = True,
    ) -> HttpResponse:
        """One request, repeated where it has to be. Raises AzureError for anything but success and `allowed`.

        A `signed` address opens by itself: no token is sent there. Without `repeat`, a request that may have been
        carried out is not sent again.
        """
        params = {**({"api-version": version} if version else {}), **(query or {})}

        def request() -> HttpRequest:
            url = self._client.format_url(address)
            return HttpRequest(method, url, params=params, json=body, content=content, headers=dict(headers or {}))

        client = self._anonymous if signed else self._client
        limits: dict[str, Any] = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
        limits["retry_on_methods"] = METHODS if repeat else METHODS - {method}
        try:
            response = client.send_request(request(), **limits)
            if response.status_code == 401 and not signed:
                # The pipeline has dropped its token: a new one may be good where the old one was revoked.
                response = client.send_request(request(), **limits)
        except ClientAuthenticationError as error:
            raise _no_login(error) from error
        except SdkError as error:
            raise AzureError(f"{method} {_shown(address)}: {error.message}") from error
        if response.status_code >= 400 and response.status_code not in allowed:
            raise error_of(method, address, response)
        return response

    def _json(self, response: HttpResponse) -> dict[str, Any]:
        return dict(response.json()) if response.content else {}


class _Retries(policies.RetryPolicy[Any, Any]):
    """Of a method that is not to be repeated, azure-core repeats a POST after most errors all the same: this does not.

    Too many requests are refused before they are carried out.
    """

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        if response.http_request.method not in settings["methods"]:
            return bool(response.http_response.status_code == 429)
        return bool(super().is_retry(settings, response))


def _pipeline(
    address: str, patience: Patience, credential: "TokenCredential | None" = None, scope: str = ""
) -> "ARMPipelineClient[HttpRequest, HttpResponse]":
    return ARMPipelineClient(
        address,
        policies=[
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy("trainup"),
            _Retries(**patience.retries),
            *([ARMChallengeAuthenticationPolicy(credential, scope)] if credential else []),
        ],
    )


def _name(address: str, query: Mapping[str, str]) -> str:
    return f"{address}?{sorted(query.items())}"


def _no_login(error: SdkError) -> AzureError:
    return AzureError(f"no login that Azure takes: {error.message}. `az login`, or set ARM_… variables")


def error_of(method: str, address: str, response: HttpResponse) -> AzureError:
    """What the service says is wrong, in one sentence with its code."""
    code, message = str(response.headers.get("x-ms-error-code", "")), response.reason or ""
    try:
        told = response.json()
        inner = told.get("error", told)
        code, message = str(inner.get("code", "")), str(inner.get("message", "") or message)
    except (ValueError, AttributeError):
        pass
    text = f"Azure refused {method} {_shown(address)}: {response.status_code} {code}: {message}".rstrip(": ")
    return AzureError(text, response.status_code, code)


def _shown(address: str) -> str:
    """Without the query: a signature in it would open the blob to whoever reads the message."""
    return urlsplit(address).path
