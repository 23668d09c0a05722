"""Renews the login of a GitHub Actions job: its token is valid for a few minutes, and a training takes longer.

azure-identity could take the token from a callback, but the callback would have to ask GitHub as this module does, and
set-up runs without any packages.
"""

import json
import os
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError

from trainup.core.disk import replace_file
from trainup.core.retry import retry
from trainup.toolchain.paths import SetupError, say

AUDIENCE = "api://AzureADTokenExchange"
"""The audience of the tokens: Microsoft Entra."""
EVERY_SECONDS = 60.0
TRIES, PAUSE_SECONDS = 5, 2.0


def login(file: Path, *, keep: bool = False, variables: Mapping[str, str] = os.environ) -> None:
    """Write the job's token to a file that only this user may read; with `keep`, renew it until the process is ended.

    The Pulumi CLI reads it for its state and its secrets (`AZURE_FEDERATED_TOKEN_FILE`). Raises SetupError.
    """
    while True:
        try:
            replace_file(file, _token(variables))
        except OSError as error:
            if not keep:
                raise SetupError(f"GitHub gave this job no token: {error}") from error
            say(f"GitHub gave this job no token, and is asked again: {error}")
        if not keep:
            return
        time.sleep(EVERY_SECONDS)


def _token(variables: Mapping[str, str]) -> str:
    address, bearer = (variables.get(f"ACTIONS_ID_TOKEN_REQUEST_{part}") for part in ("URL", "TOKEN"))
    if not address or not bearer:
        raise SetupError("GitHub offers this job no token: the job needs `permissions: id-token: write`")
    request = urllib.request.Request(f"{address}&audience={AUDIENCE}", headers={"Authorization": f"Bearer {bearer}"})

    def token() -> str:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["value"])

    return retry(token, _may_pass, [PAUSE_SECONDS] * (TRIES - 1))


def _may_pass(error: Exception) -> bool:
    return isinstance(error, OSError) and not (isinstance(error, HTTPError) and error.code < 500)
