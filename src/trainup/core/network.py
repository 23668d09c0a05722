"""Variables that lead processes through proxies, and to certificates: this machine is reached without a proxy."""

import re
from collections.abc import Callable, Mapping

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, as lists of what needs no proxy have them."""
VARIABLE = re.compile(r"(?:https?|all|no|ftp|grpc|no_grpc)_proxy", re.IGNORECASE)
"""Names of the variables by which programs find proxies."""
ALL = "*"
"""Nothing needs a proxy. Most clients know it only where it stands alone."""


def direct(variables: Mapping[str, str]) -> dict[str, str]:
    """What to set beside these variables, so that every client reaches this machine without a proxy.

    The lists of the user stay, in both spellings: a client that reads one of them first never sees the other.
    """
    lower, upper = (variables.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    found = {"no_proxy": _extended(lower or upper), "NO_PROXY": _extended(upper or lower)}
    # gRPC looks into this list alone where there is one, and knows no `*`.
    if "no_grpc_proxy" in variables or found["no_proxy"] == ALL:
        given = variables.get("no_grpc_proxy", "")
        found["no_grpc_proxy"] = _extended("" if given.strip() == ALL else given)
    return found


def trusted(variables: Mapping[str, str], is_file: Callable[[str], bool]) -> dict[str, str]:
    """What to set beside these variables, so that every client trusts the certificates that the user has named.

    `requests`, with which Azure's clients work, reads other variables than uv, Go and Python itself. A folder, which
    only some of them take, stays where it is.
    """
    for given in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if (bundle := variables.get(given)) and is_file(bundle):
            return {name: bundle for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") if not variables.get(name)}
    return {}


def _extended(hosts: str) -> str:
    """The list with this machine in it."""
    if hosts.strip() == ALL:
        return ALL
    parts = [part.strip() for part in hosts.split(",")]
    return ",".join([part for part in parts if part] + [name for name in LOOPBACK if name not in parts])
