"""Environment variables for proxies and certificates; connections to this machine never use a proxy."""

import re
from collections.abc import Callable, Mapping

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, as lists of what needs no proxy have them."""
VARIABLE = re.compile(r"(?:https?|all|no|ftp|grpc|no_grpc)_proxy", re.IGNORECASE)
"""Names of the variables by which programs find proxies."""
ALL = "*"
"""No host needs a proxy. Most clients know this entry only if it is the whole list."""


def direct(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables to set in addition to these, so that every client reaches this machine without a proxy.

    The user's lists are kept, in both spellings: a client that reads one of them first never reads the other.
    """
    lower, upper = (variables.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    result = {"no_proxy": _extended(lower or upper), "NO_PROXY": _extended(upper or lower)}
    # gRPC reads only this list if it is set, and does not know `*`.
    if "no_grpc_proxy" in variables or result["no_proxy"] == ALL:
        hosts = variables.get("no_grpc_proxy", "")
        result["no_grpc_proxy"] = _extended("" if hosts.strip() == ALL else hosts)
    return result


def trusted(variables: Mapping[str, str], is_file: Callable[[str], bool]) -> dict[str, str]:
    """Variables to set in addition to these, so that every client trusts the certificates that the user named.

    `requests`, which Azure's clients use, reads other variables than uv, Go and Python itself. A folder of
    certificates is left as it is, since only some clients accept one.
    """
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if (bundle := variables.get(variable)) and is_file(bundle):
            return {name: bundle for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") if not variables.get(name)}
    return {}


def _extended(hosts: str) -> str:
    """The list with this machine in it."""
    if hosts.strip() == ALL:
        return ALL
    parts = [part.strip() for part in hosts.split(",")]
    return ",".join([part for part in parts if part] + [name for name in LOOPBACK if name not in parts])
