"""Records requests to Azure and their responses, redacted, in the file that TRAINUP_RECORD names."""

import json
import os
import time
from pathlib import Path
from typing import Any

import azure.core  # noqa: F401 (first the whole: see `connect`)
from azure.core.pipeline import PipelineRequest, PipelineResponse, policies
from azure.core.rest import HttpRequest, HttpResponse

from trainup.core.exchange import exchange_of

VARIABLE = "TRAINUP_RECORD"
"""Environment variable with the path of the file, which gets one JSON object per line (`core/exchange.py`)."""
KEY_VARIABLE = "TRAINUP_RECORD_KEY"
"""Environment variable with the key of the hashes that tell which requests are about the same resource."""


class Recording(policies.SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Adds a line to the file for each response, also to those that are tried again.

    What is written holds no token, no header's value and no text that is not Azure's own.
    """

    def __init__(self, file: Path, key: str) -> None:
        self._file, self._key = file, key

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        request.context["sent_at"] = time.time()

    def on_response(
        self, request: PipelineRequest[HttpRequest], response: PipelineResponse[HttpRequest, HttpResponse]
    ) -> None:
        asked, answer = request.http_request, response.http_response
        exchange = exchange_of(
            asked.method,
            asked.url,
            answer.status_code,
            request=_json(asked.content, asked.headers.get("Content-Type", "")),
            response=_json(answer.content, answer.headers.get("Content-Type", "")),
            headers=answer.headers,
            seconds=request.context["sent_at"],
            key=self._key,
        )
        line = json.dumps(exchange.to_dict(), separators=(",", ":")).encode() + b"\n"
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line)  # at once: several processes may write
        finally:
            os.close(descriptor)


def policies_of(variables: "os._Environ[str]" = os.environ) -> list[Recording]:
    """The policy, if the variable is set."""
    file = variables.get(VARIABLE)
    return [Recording(Path(file), variables.get(KEY_VARIABLE, ""))] if file else []


def _json(content: Any, kind: str) -> Any:
    if "json" not in kind or not content:
        return None
    try:
        return json.loads(content)
    except (TypeError, ValueError):
        return None
