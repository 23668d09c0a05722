"""HTTP requests to Azure: they carry a token, follow the service's retry hints, and raise errors with its message."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

import azure.core  # noqa: F401 (first the whole: see `connect`)
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError
from azure.core.rest import HttpRequest, HttpResponse

from trainup.core import background
from trainup.jobs.azure.http.endpoints import Endpoints
from trainup.jobs.azure.http.pipeline import METHODS, PATIENCE, Patience, pipeline
from trainup.jobs.azure.http.tenants import TenantLogin
from trainup.jobs.target import TargetError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

API_VERSION = "2025-12-01"
"""API version of all resources of `Microsoft.MachineLearningServices`."""
SUBSCRIPTION_VERSION = "2022-12-01"
CLOSED = "AuthorizationFailure"
"""Code with which storage refuses a request because of the network it comes from; a missing role has another code."""


Read = tuple[str, Mapping[str, str]]
"""A GET request: address and query parameters."""
Start = tuple[str, Mapping[str, Any]]
"""A POST request that can be repeated, and whose answer need not be used: address and body."""


class AzureError(TargetError):
    """Azure refused a request. `status` is the HTTP status (0 without a response), `code` is Azure's error code.

    `hint` is what can be done about it, where that is not plain from Azure's words; the message contains it.
    """

    def __init__(self, message: str, status: int = 0, code: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.hint = status, code, hint


class AzureClient:
    """A client for the resource manager of one cloud, and, with the same token, for the data planes of Azure ML.

    Addresses are URLs (`https://…`) or resource ids (`/subscriptions/…`). Safe to use from several threads.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        credential: "TokenCredential",
        patience: Patience = PATIENCE,
        scope: str | None = None,
    ) -> None:
        self.endpoints, self.credential, self.patience = endpoints, credential, patience
        self._client = pipeline(endpoints.resource_manager, patience, credential, scope or endpoints.scope)
        self._anonymous = pipeline(endpoints.resource_manager, patience)
        self._prefetched: dict[str, Future[dict[str, Any]]] = {}
        self._begun: set[str] = set()
        self._login: Future[str] | None = None

    def for_scope(self, scope: str) -> "AzureClient":
        """A client with the same credential, whose tokens are for another service."""
        return AzureClient(self.endpoints, self.credential, self.patience, scope)

    def with_own_prefetch(self) -> "AzureClient":
        """The same client with prefetched responses of its own."""
        other = copy.copy(self)
        other._prefetched = {}
        return other

    @contextmanager
    def prefetch(self, *reads: Read, starts: Iterable[Start] = ()) -> Iterator[None]:
        """Send these requests concurrently; within the block, the first `get` or `post` of each returns its response.

        A start is sent early only once in a process, whichever copy of this client sends it.
        """
        self.token()  # log in once, before the threads would each do it
        new = [start for start in starts if start[0] not in self._begun]
        self._begun.update(address for address, _ in new)
        pool = ThreadPoolExecutor(len(reads) + len(new) or 1)
        self._prefetched = {_name(*read): pool.submit(self._get, *read) for read in reads}
        self._prefetched |= {_started(address): pool.submit(self._post, address, body) for address, body in new}
        try:
            yield
        finally:
            self.forget_prefetched()
            # Responses that no `get` asked for are not waited for.
            pool.shutdown(wait=False, cancel_futures=True)

    def forget_prefetched(self) -> None:
        """Drop prefetched responses. Call it before a change, after which they would be outdated."""
        self._prefetched = {}

    def get(self, address: str, *, version: str = API_VERSION, **query: str) -> dict[str, Any]:
        """The JSON object at an address. Raises AzureError."""
        early = self._prefetched.pop(_name(address, query), None) if version == API_VERSION else None
        return early.result() if early else self._get(address, query, version)

    def _get(self, address: str, query: Mapping[str, str], version: str = API_VERSION) -> dict[str, Any]:
        return self._json(self.send("GET", address, version=version, query=query))

    def find(self, address: str, *, version: str = API_VERSION, **query: str) -> dict[str, Any] | None:
        """The JSON object at an address; None for 404. Raises AzureError."""
        try:
            return self.get(address, version=version, **query)
        except AzureError as error:
            if error.status == 404:
                return None
            raise

    def put(self, address: str, body: Mapping[str, Any], *, version: str = API_VERSION) -> dict[str, Any]:
        """Create or update a resource; returns its new state. Raises AzureError."""
        return self._json(self.send("PUT", address, body, version=version))

    def begin_login(self) -> None:
        """Ask for the first token while the caller does something else; the first `token` returns that one."""
        if self._login is None:
            self._login = background.begin(self._log_in)

    def _log_in(self) -> str:
        return self.credential.get_token(self.endpoints.scope).token

    def token(self) -> str:
        """A token for the resource manager. Raises AzureError."""
        login, self._login = self._login, None
        try:
            return login.result() if login else self._log_in()
        except SdkError as error:
            raise _no_login(error) from error

    def registry_token(self, subscription_id: str | None = None) -> str:
        """A token that registries exchange for one of their own. Raises AzureError.

        Registries do not name the tenant when they refuse a token, so it is learned from the subscription, if one is
        given. A tenant's policy can forbid tokens for the resource manager at registries.
        """
        if isinstance(self.credential, TenantLogin) and self.credential.tenant is None and subscription_id:
            address = f"/subscriptions/{subscription_id}"
            response = self.send("GET", address, version=SUBSCRIPTION_VERSION, signed=True, allowed=(401, 403, 404))
            self.credential.learn(response.headers.get("WWW-Authenticate"))
        try:
            return self.credential.get_token(f"{self.endpoints.registry_audience}/.default").token
        except SdkError:
            return self.token()  # in a tenant that does not know this audience

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
        """Send a POST; a response without content gives `{}`. Set `repeat` to False if it is not idempotent.

        Raises AzureError.
        """
        early = self._prefetched.pop(_started(address), None) if version == API_VERSION and not query else None
        if early:
            return early.result()
        options = {"version": version, "query": query, "headers": headers, "repeat": repeat}
        return self._json(self.send("POST", address, body or {}, **options))  # type: ignore[arg-type]

    def _post(self, address: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._json(self.send("POST", address, body))

    def delete(self, address: str, *, version: str = API_VERSION, **query: str) -> None:
        """Delete a resource; a missing one is no error. Raises AzureError."""
        try:
            self.send("DELETE", address, version=version, query=query)
        except AzureError as error:
            if error.status != 404:
                raise

    def pages(self, address: str, *, version: str = API_VERSION, **query: str) -> Iterator[dict[str, Any]]:
        """All items of a paged list. Raises AzureError."""
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
        """Send one request, with retries. Raises AzureError for every error status that is not in `allowed`.

        A `signed` address carries its own authorization, so no token is sent to it. Without `repeat`, a request that
        may have taken effect is not sent again.
        """
        params = {**({"api-version": version} if version else {}), **(query or {})}

        def request() -> HttpRequest:
            url = self._client.format_url(address)
            return HttpRequest(method, url, params=params, json=body, content=content, headers=dict(headers or {}))

        client = self._anonymous if signed else self._client
        limits: dict[str, Any] = {
            "connection_timeout": self.patience.connect_seconds,
            "read_timeout": self.patience.read_seconds,
        }
        limits["retry_on_methods"] = METHODS if repeat else METHODS - {method}
        try:
            response = client.send_request(request(), **limits)
            if response.status_code == 401 and not signed:
                # The pipeline has dropped its token after the 401. The old one may be revoked, or be of another tenant
                # than the subscription's: try once with a new one.
                if isinstance(self.credential, TenantLogin):
                    self.credential.learn(response.headers.get("WWW-Authenticate"))
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


def _name(address: str, query: Mapping[str, str]) -> str:
    return f"{address}?{sorted(query.items())}"


def _started(address: str) -> str:
    return f"POST {address}"


def _no_login(error: SdkError) -> AzureError:
    return AzureError(
        f"Azure accepts no login of this process: {error.message}. Run `az login`, or set ARM_… variables"
    )


def error_of(method: str, address: str, response: HttpResponse) -> AzureError:
    """The error for a response, with the status, code and message of the service."""
    code, message = str(response.headers.get("x-ms-error-code", "")), response.reason or ""
    try:
        content = response.json()
        inner = content.get("error", content)
        code, message = str(inner.get("code", "")), str(inner.get("message", "") or message)
    except (ValueError, AttributeError):
        pass
    text = f"Azure refused {method} {_shown(address)}: {response.status_code} {code}: {message}".rstrip(": ")
    hint = _closed_storage(address) if code == CLOSED else ""
    return AzureError(f"{text}. {hint}" if hint else text, response.status_code, code, hint)


def _closed_storage(address: str) -> str:
    """The reason for the code CLOSED, and what to do, as a sentence."""
    host = urlsplit(address).hostname or ""
    account = host.split(".")[0] if ".blob." in host else urlsplit(address).path.strip("/").split("/")[0]
    return (
        f"The network of the storage account {account} lets nobody in from here: it was closed after its creation, "
        "perhaps by a policy of the tenant that sets publicNetworkAccess to Disabled. "
        f"`az storage account show --name {account} --query publicNetworkAccess` tells; ask for an exemption from the "
        f"policy, and `az storage account update --name {account} --public-network-access Enabled`, or run this from a "
        "network that the account lets in"
    )


def _shown(address: str) -> str:
    """The address without its query, which may contain a signature that must not appear in messages."""
    return urlsplit(address).path
