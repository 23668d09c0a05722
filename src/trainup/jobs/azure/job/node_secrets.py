"""Runs on the node: prints `export NAME='value'` for each secret that the job refers to, or nothing.

All of them or an error: no run goes on without one. Errors tell what kind they are, and never what was read.

Python 3.6 and its standard library are all that an image must have. `TRAINUP_SECRETS` is JSON: `resource`, what the
vault's tokens are for, and `secrets`, variable → address of the secret.
"""

import http.client
import json
import os
import re
import shlex
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
VAULT_VERSION = "7.4"
TRIES, PAUSE = 60, 15.0  # a new role reaches the vault within fifteen minutes


def read(url: str, headers: Any) -> Any:
    """The JSON at an address."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        return json.loads(answer.read().decode())


def find_token(resource: str, env: Any) -> str:
    """A token of the identity that the job runs as, from wherever this kind of node offers it."""
    client = env.get("AZURE_CLIENT_ID") or env.get("DEFAULT_IDENTITY_CLIENT_ID")
    if env.get("IDENTITY_ENDPOINT") and env.get("IDENTITY_HEADER"):
        url, version, name = env["IDENTITY_ENDPOINT"], "2019-08-01", "client_id"
        headers = {"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]}
    elif env.get("MSI_ENDPOINT"):
        url, version, name = env["MSI_ENDPOINT"], "2017-09-01", "clientid"
        headers = {"secret": env.get("MSI_SECRET", "")}
    else:
        url, version, name = "http://169.254.169.254/metadata/identity/oauth2/token", "2018-02-01", "client_id"
        headers = {"Metadata": "true"}
    query = {"api-version": version, "resource": resource}
    if client:
        query[name] = client
    return str(read(url + "?" + urllib.parse.urlencode(query), headers)["access_token"])


def patiently(action: Any, *arguments: Any) -> Any:
    """Do it; what may pass by itself is tried again."""
    for left in range(TRIES - 1, -1, -1):
        try:
            return action(*arguments)
        except urllib.error.HTTPError as error:
            if not left or error.code not in (403, 408, 410, 429, 500, 502, 503, 504):
                raise
        except (OSError, http.client.HTTPException):
            if not left:
                raise
        time.sleep(PAUSE)
    return None


def main(env: Any) -> Any:
    """The lines that make variables of the secrets, as UTF-8 whatever language the image speaks."""
    name, lines = "its token", []
    try:
        wanted = json.loads(env["TRAINUP_SECRETS"])
        token = patiently(find_token, wanted["resource"], env)
        for name, address in sorted(wanted["secrets"].items()):
            if not NAME.match(name):
                raise ValueError
            url = address + "?api-version=" + VAULT_VERSION
            value = patiently(read, url, {"Authorization": "Bearer " + token})["value"]
            if "\0" in value:
                raise ValueError
            # A variable that the shell protects is refused by the shell, which does not show the value.
            lines.append(("export " + name + "=" + shlex.quote(value) + " || exit 126\n").encode())
    except Exception as error:
        known = str(error) if isinstance(error, OSError) else type(error).__name__
        sys.exit(
            f"trainup: the secret {name} could not be read from the key vault ({known}), so the command is not "
            "started. The identity of this run needs the role Key Vault Secrets User on the workspace's vault, and the "
            "secret has to be there: `pulumi up` puts it there"
        )
    return b"".join(lines)


if __name__ == "__main__":
    sys.stdout.buffer.write(main(os.environ))
