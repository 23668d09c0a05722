"""The way to other machines: proxies, certificates, the package index, and the service's clock."""

import contextlib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from trainup.cli.doctor.finding import Finding, Patient, error, ok, warning
from trainup.core.network import VARIABLE

INDEX = "https://pypi.org/simple"
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
SECONDS = 8.0
SKEW_ERROR, SKEW_WARNING = 300, 60
"""Seconds between this machine's clock and a service's: tokens and signatures allow for five minutes."""


def proxies(patient: Patient) -> Iterator[Finding]:
    """The variables by which programs find proxies and certificates."""
    used = {name: value for name, value in patient.variables.items() if VARIABLE.fullmatch(name) and value}
    wrong = [name for name, value in used.items() if "no_" not in name.lower() and not _is_address(value)]
    shown = ", ".join(sorted(name for name in used if "no_" not in name.lower())) or "none"
    if wrong:
        yield error("proxies", f"{', '.join(wrong)} is no address", f"export {wrong[0]}=http://<host>:<port>")
    else:
        yield ok("proxies", f"variables: {shown}")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if value := patient.variables.get(name):
            try:
                ssl.create_default_context(cafile=value)
            except (OSError, ssl.SSLError) as problem:
                yield error(f"certificates of {name}", f"{value} cannot be read: {problem}", f"unset {name}")


def _is_address(value: str) -> bool:
    with contextlib.suppress(ValueError):
        parts = urlsplit(value if "://" in value else f"http://{value}")
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    return False


def index(patient: Patient) -> Iterator[Finding]:
    """The index from which uv installs packages."""
    address = next((patient.variables[name] for name in INDEX_VARIABLES if patient.variables.get(name)), INDEX)
    shown = without_login(address)
    tried = f"the package index {shown}"
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/pip/", timeout=SECONDS):
            yield ok(tried, "answers")
    except urllib.error.HTTPError as refusal:
        if refusal.code in (401, 403, 407):
            mend = f"put a login into {INDEX_VARIABLES[0]} or ~/.netrc, or into the proxy's address"
            yield warning(tried, f"refuses with status {refusal.code}", mend)
        else:
            yield ok(tried, f"answers with status {refusal.code}")
    except (OSError, ValueError) as problem:
        yield _unreachable(tried, problem, urlsplit(address).hostname or shown)


def without_login(address: str) -> str:
    """An address as it may be shown: without user name and password."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _unreachable(tried: str, problem: Exception, host: str) -> Finding:
    """Why a server was not reached; certificates that somebody on the way has exchanged are told apart."""
    reason = getattr(problem, "reason", problem)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return error(
            tried,
            f"its certificate is not trusted ({reason.verify_message}): a proxy on the way may look into connections",
            f"export SSL_CERT_FILE=<certificates of your network>; `openssl s_client -connect {host}:443` shows them",
        )
    return warning(
        tried, f"not reached: {reason}", f"curl --head https://{host}; where that needs a proxy, set HTTPS_PROXY"
    )


def clock_of(date: str | None, now: datetime | None = None) -> Finding:
    """This machine's clock against the header `Date` of a service."""
    tried = "the clock, against the service's"
    try:
        theirs = parsedate_to_datetime(date or "")
    except (TypeError, ValueError):
        return ok(tried, "the service tells no time")
    seconds = ((now or datetime.now(UTC)) - theirs.astimezone(UTC)).total_seconds()
    came = f"it is {abs(seconds):,.0f} s {'ahead' if seconds > 0 else 'behind'}"
    mend = "sudo timedatectl set-ntp true"
    if abs(seconds) >= SKEW_ERROR:
        return error(tried, f"{came}, and tokens are refused from {SKEW_ERROR} s on", mend)
    return warning(tried, came, mend) if abs(seconds) >= SKEW_WARNING else ok(tried, "they agree within a minute")


def answer_of(address: str, tried: str) -> tuple[Finding, str | None]:
    """Whether a service answers, and its header `Date`."""
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            return ok(tried, "answers"), answer.headers.get("Date")
    except urllib.error.HTTPError as refusal:
        return ok(tried, f"answers with status {refusal.code}"), refusal.headers.get("Date")
    except (OSError, ValueError) as problem:
        finding = _unreachable(tried, problem, urlsplit(address).hostname or "")
        return error(finding.tried, finding.came, finding.mend), None
