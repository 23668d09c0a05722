"""A client for the Docker Registry HTTP API v2: it finds images, and the digests of tags.

The protocol is that of the OCI distribution specification with Docker's token authentication. Two libraries were tried:
azure-containerregistry 1.2 supports no user name and password, and only Azure's token exchange. oras 0.2 does not
support that exchange, and returns parsed manifests without the bytes that are needed for their digest.
"""

import base64
import difflib
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from azure.core import PipelineClient
from azure.core.exceptions import AzureError as SdkError
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest, HttpResponse

from trainup.core.images import DOCKER_HUB, ImageReference
from trainup.jobs.target import TargetError

if TYPE_CHECKING:
    from trainup.jobs.azure.http.client import AzureClient

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
SINGLE = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
RETRIES = 6
"""Retries of a request. They last about 30 s, as long as the DNS name of a new registry may take to resolve."""

MOST_TAGS, SHOWN_TAGS = 1000, 5
"""How many tags a registry is asked for, and how many a message shows."""

Entra = Callable[[], str]
"""Returns a Microsoft Entra token that an Azure registry exchanges for its own token."""


def entra_of(client: "AzureClient", server: str) -> Entra | None:
    """How to log in at a registry of the client's cloud; None for a registry elsewhere, which takes no such token."""
    suffix = client.endpoints.registry_suffix
    if server != suffix and not server.endswith(f".{suffix}"):
        return None
    return partial(client.registry_token, os.environ.get("ARM_SUBSCRIPTION_ID"))


class RegistryError(TargetError):
    """The registry refused a request, or has no such image; the message says what to do."""


class NoSuchImage(RegistryError):
    """The registry has answered, and has no such image, or none for this platform."""


@dataclass(frozen=True)
class Login:
    """User name and password of a registry."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Manifest:
    """The manifest of a tag or digest."""

    digest: str
    media_type: str
    content: Mapping[str, Any]


class Registry:
    """One registry, used anonymously, with a login, or with an identity of Microsoft Entra."""

    def __init__(
        self,
        server: str,
        *,
        login: Login | None = None,
        entra: Entra | None = None,
        patience: int = RETRIES,
        seconds: float | None = None,
    ) -> None:
        """`patience` is how often a request is repeated, `seconds` how long one waits for an answer."""
        self.server = server
        self._limits: dict[str, Any] = (
            {} if seconds is None else {"connection_timeout": seconds, "read_timeout": seconds}
        )
        self._login, self._entra = login, entra
        self._authorization: dict[str, str] = {}
        self._base = ""
        self._client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
            f"https://{server}",
            policies=[
                policies.UserAgentPolicy("trainup"),
                policies.RedirectPolicy(),
                policies.RetryPolicy(retry_total=patience, retry_connect=patience, retry_backoff_max=20),
                # Registries redirect blob requests to storage, which must not receive the credentials.
                policies.SensitiveHeaderCleanupPolicy(),
            ],
        )

    def resolve(self, reference: ImageReference, platform: str) -> str:
        """The digest of an image for a platform such as `linux/amd64`. Raises RegistryError if there is none."""
        version = reference.digest or reference.tag or "latest"
        manifest = self.find(reference.repository, version)
        if manifest is None:
            raise NoSuchImage(
                f"{self.server} has no image {reference.repository!r} with {version!r}"
                f"{self._others(reference.repository, version)}: correct the name, or push it"
            )
        platforms = self._platforms(reference.repository, manifest)
        if platform not in platforms:
            raise NoSuchImage(
                f"{self.server}/{reference.repository} {version!r} runs on "
                f"{', '.join(sorted(platforms)) or 'no platform'} and not on {platform}, which the "
                f"nodes of Azure ML are: build it with `--platform {platform}`, or take another tag"
            )
        return manifest.digest

    def find(self, repository: str, reference: str) -> Manifest | None:
        """The manifest of a tag or digest; None if there is none. Raises RegistryError."""
        response = self._get(repository, f"manifests/{reference}", ", ".join((*INDEXES, *SINGLE)))
        if response.status_code == 404:
            return None
        body = response.content
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if reference.startswith("sha256:") and reference != digest:
            raise RegistryError(f"{self.server} answered something else than {repository}@{reference}: {digest}")
        content = dict(response.json())
        kind = content.get("mediaType") or response.headers.get("Content-Type", "").split(";")[0]
        if kind not in (*INDEXES, *SINGLE):
            raise RegistryError(
                f"{self.server}/{repository} {reference!r} has the format {kind or '(none)'}, which registries no "
                "longer support: pull it and push it again"
            )
        return Manifest(digest, kind, content)

    def _others(self, repository: str, version: str) -> str:
        """The tags that come nearest to one that does not exist, as a part of a sentence."""
        try:
            response = self._get(repository, f"tags/list?n={MOST_TAGS}", "application/json")
            tags = [str(tag) for tag in response.json().get("tags") or []] if response.status_code < 400 else []
        except (RegistryError, ValueError, AttributeError):
            return ""
        near = difflib.get_close_matches(version, tags, SHOWN_TAGS, 0) or tags[-SHOWN_TAGS:]
        return f"; it has {', '.join(near)}{' and others' if len(tags) > len(near) else ''}" if near else ""

    def _platforms(self, repository: str, manifest: Manifest) -> set[str]:
        if manifest.media_type in INDEXES:
            parts = [item.get("platform") or {} for item in manifest.content.get("manifests", [])]
        else:
            config = self._get(repository, f"blobs/{manifest.content['config']['digest']}", "*/*")
            if config.status_code == 404:
                raise RegistryError(f"{self.server}/{repository} is damaged: {manifest.digest} has no configuration")
            parts = [config.json()]
        named = {f"{part.get('os')}/{part.get('architecture')}" for part in parts}
        return {name for name in named if "unknown" not in name and "None" not in name}

    def _get(self, repository: str, path: str, accept: str) -> HttpResponse:
        """The response, which may be a 404. Raises RegistryError for any other error."""
        headers = {"Accept": accept}
        if token := self._authorization.get(repository):
            headers["Authorization"] = token
        address = f"{self._address()}/v2/{repository}/{path}"
        response = self._send(HttpRequest("GET", address, headers=headers))
        if response.status_code == 401 and (challenge := response.headers.get("WWW-Authenticate")):
            self._authorization[repository] = headers["Authorization"] = self._answer(challenge, repository)
            response = self._send(HttpRequest("GET", address, headers=headers))
        if response.status_code in (401, 403):
            raise RegistryError(f"{self.server} does not let {self._who} pull {repository!r}: {self._way_in}")
        if response.status_code != 404 and response.status_code >= 400:
            raise RegistryError(f"{self.server} refused a request for {repository!r}: {_reason(response)}")
        return response

    def _answer(self, challenge: str, repository: str) -> str:
        """The `Authorization` header for a challenge of the registry."""
        kind, _, rest = challenge.partition(" ")
        parameters = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if kind.lower() == "basic" and self._login:
            return self._basic(self._login)
        if kind.lower() != "bearer" or not parameters.get("realm"):
            raise RegistryError(f"{self.server} does not let {self._who} pull {repository!r}: {self._way_in}")
        realm = urlsplit(parameters["realm"])
        if realm.scheme != "https" and realm.hostname not in LOOPBACK:
            raise RegistryError(f"{self.server} asks to send the login unencrypted to {parameters['realm']}")
        if self._entra and realm.netloc.lower() != self.server.lower():
            raise RegistryError(f"{self.server} wants a token of Azure's sent elsewhere, to {realm.netloc}")
        query = {
            "service": parameters.get("service", self.server),
            "scope": parameters.get("scope") or f"repository:{repository}:pull",
        }
        request = (
            self._exchange_request(parameters["realm"], query)
            if self._entra
            else self._token_request(parameters["realm"], query)
        )
        response = self._send(request)
        if response.status_code >= 400:
            raise RegistryError(f"{self.server} does not let {self._who} in ({_reason(response)}): {self._way_in}")
        answer = response.json()
        return f"Bearer {answer.get('token') or answer['access_token']}"

    def _token_request(self, realm: str, query: Mapping[str, str]) -> HttpRequest:
        headers = {"Authorization": self._basic(self._login)} if self._login else {}
        return HttpRequest("GET", f"{realm}?{urlencode(query)}", headers=headers)

    def _exchange_request(self, realm: str, query: Mapping[str, str]) -> HttpRequest:
        """The request for a pull token. An Azure registry first exchanges an Entra token for a refresh token."""
        assert self._entra
        form = {"grant_type": "access_token", "service": query["service"], "access_token": self._entra()}
        response = self._send(HttpRequest("POST", f"{self._address()}/oauth2/exchange", data=form))
        if response.status_code >= 400:
            raise RegistryError(f"{self.server} does not let {self._who} in ({_reason(response)}): {self._way_in}")
        form = {"grant_type": "refresh_token", **query, "refresh_token": response.json()["refresh_token"]}
        return HttpRequest("POST", realm, data=form)

    @staticmethod
    def _basic(login: Login) -> str:
        return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()

    def _address(self) -> str:
        """Base URL of the registry: HTTPS, or, as in Docker, HTTP for a registry on this machine without TLS."""
        if not self._base:
            host = "registry-1.docker.io" if self.server == DOCKER_HUB else self.server
            self._base = f"https://{host}"
            if host.rpartition(":")[0] in LOOPBACK or host in LOOPBACK:
                answers = (f"{scheme}://{host}" for scheme in ("https", "http") if self._speaks(scheme, host))
                self._base = next(answers, self._base)
        return self._base

    def _speaks(self, scheme: str, host: str) -> bool:
        try:
            self._client.send_request(HttpRequest("GET", f"{scheme}://{host}/v2/"), retry_total=0, **self._limits)
        except SdkError:
            return False
        return True

    def _send(self, request: HttpRequest) -> HttpResponse:
        try:
            # The POST requests here only request tokens, so they can be retried.
            return self._client.send_request(request, retry_on_methods=["GET", "POST"], **self._limits)
        except SdkError as error:
            raise RegistryError(f"the registry {self.server} could not be reached: {error.message}") from error

    @property
    def _who(self) -> str:
        if self._login:
            return repr(self._login.username)
        return "who is logged in to Azure here" if self._entra else "somebody without a login"

    @property
    def _way_in(self) -> str:
        if self._login:
            return "check user name and password, and that this user may read the repository"
        if self._entra:
            return "it takes the role AcrPull, or a role above it, on the registry"
        return (
            "the image does not exist, or is private: give `trainup:registry` a `server` and `username`, and "
            "`pulumi config set --secret trainup:registry_password`"
        )


def _reason(response: HttpResponse) -> str:
    """Status and message of an error response. It never contains parts of the request, such as credentials."""
    words = response.reason or ""
    try:
        errors = response.json().get("errors") or [{}]
        words = errors[0].get("message") or words
    except (ValueError, AttributeError, LookupError):
        pass
    hint = ", too many requests: try again later or log in" if response.status_code == 429 else ""
    return f"{response.status_code} {words}{hint}".strip()
