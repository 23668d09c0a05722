"""What each request to Azure passes through: its headers, its token, and the retries after a failure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import azure.core  # noqa: F401 (first the whole: see `connect`)
from azure.core.pipeline import PipelineResponse, policies
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from trainup.jobs.azure.http import recording

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

CONNECT_SECONDS = 30
READ_SECONDS = 120
METHODS = frozenset({"HEAD", "GET", "PUT", "DELETE", "POST"})
"""Methods that are retried. Most POSTs (cancel, start an upload, list) are idempotent: see `AzureClient.send`."""


@dataclass(frozen=True)
class Patience:
    """Number of retries after 408, 429, 5xx or a lost connection, and the pauses between them in seconds.

    The defaults retry for about three minutes.
    """

    tries: int = 8
    first_pause: float = 0.8
    longest_pause: float = 60
    connect_seconds: float = CONNECT_SECONDS
    """How long to wait for a connection."""
    read_seconds: float = READ_SECONDS
    """How long to wait for more of an answer."""

    @property
    def retries(self) -> dict[str, Any]:
        """The keyword arguments of azure-core's retry policy."""
        kinds = dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), self.tries)
        return {**kinds, "retry_backoff_factor": self.first_pause, "retry_backoff_max": self.longest_pause}


PATIENCE = Patience()


class _Retries(policies.RetryPolicy[Any, Any]):
    """Retries only the methods that it is given; azure-core's policy retries a POST after most errors regardless.

    A response 429 is always retried, because such a request has had no effect.
    """

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        if response.http_request.method not in settings["methods"]:
            return bool(response.http_response.status_code == 429)
        return bool(super().is_retry(settings, response))


def pipeline(
    address: str, patience: Patience, credential: "TokenCredential | None" = None, scope: str = ""
) -> "ARMPipelineClient[HttpRequest, HttpResponse]":
    """A client that sends requests so, signed if there is a credential. Set `retry_on_methods` for each of them."""
    return ARMPipelineClient(
        address,
        policies=[
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy("trainup"),
            _Retries(**patience.retries),
            *([ARMChallengeAuthenticationPolicy(credential, scope)] if credential else []),
            *recording.policies_of(),
        ],
    )
