"""Likely secrets among what a user declares: variables, arguments, tags, addresses, build arguments, requirements.

Such values are kept in state, in records and in the requests to Azure, and shown in previews. The search is stricter
than that of source files: it includes passwords in addresses, and values after a name such as `API_KEY` or
`--password`. A result names the place and the kind of a secret, never its value.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainup.core import likely_secrets

Place = tuple[str | int, ...]
"""Where a value stands among nested inputs: the keys and indexes that lead to it."""

_NAMES_OF_PASSWORDS = {"password", "passwd", "pwd", "passphrase"}
_NAMES_OF_TOKENS = {"token", "secret", "apikey", "accesskey", "secretkey"}
_KINDS_OF_KEYS = {"api", "access", "account", "auth", "encryption", "private", "secret", "shared", "storage"}
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/=_.~:@!-]{16,}")
_NO_PASSWORD = re.compile(
    r".*\$\{.*|\$.*|%\w+%|<.*>|\{.*\}|[*.x]+|\.{0,2}/.*|~.*|\w+://.*|true|false|yes|no|none|null|required|optional|prompt",
    re.IGNORECASE,
)
"""Placeholders, references to variables, and words that are no passwords."""

_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")
_ASSIGNMENT = re.compile(
    r"""(?<![\w.-])(?:(?P<before>--?|(?:ENV|ARG)\s{1,9})(?P<flag>[A-Za-z][\w.-]{0,99})(?:\s{0,9}=\s{0,9}|\s{1,9})"""
    r"""|(?P<name>[A-Za-z][\w.-]{0,99})\s{0,9}=\s{0,9})(?=(?P<value>"[^"\n]{0,200}"|'[^'\n]{0,200}'|[^\s"']{1,200}))"""
)
"""`--name value`, `name=value`, `ENV NAME value`."""
_PASSWORD_IN_URL = re.compile(r"(?<![\w+.-])[A-Za-z][\w+.-]{0,30}://[^\s/?#:@]{0,256}:(?P<value>[^\s/?#@]{1,256})@")
_TOKEN_IN_URL = re.compile(r"(?<![\w+.-])(?:git\+)?https?://(?P<value>[A-Za-z0-9_-]{20,256})@")
_TOKEN_IN_QUERY = re.compile(
    r"[?&](?:x-amz-signature|x-amz-security-token|x-goog-signature|sig(?:nature)?|(?:\w{1,20}[_-])?token|api_?key|"
    r"password|pwd|secret)=(?P<value>[^&\s\"'#;]{8,1024})",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\bauthorization\s*[:=]\s*['\"]?(?:bearer|basic|token)\s+(?P<value>[^\s'\"]{8,})", re.IGNORECASE)


@dataclass(frozen=True)
class Suspect:
    """A value that is likely a secret."""

    place: Place
    kind: str

    @property
    def shown(self) -> str:
        """The place as `allow_secrets` names it: `environment_variables.TOKEN`, `arguments[3]`."""
        text = ""
        for part in self.place:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
        return text


def in_values(values: Any, allowed: Collection[str] = ()) -> list[Suspect]:
    """The likely secrets in nested maps and lists. `allowed` lists exceptions, written as `Suspect.shown`."""
    suspects = list(dict.fromkeys(_in_value((), "", values)))
    return [suspect for suspect in suspects if not any(_is_below(suspect.shown, place) for place in allowed)]


def in_text(text: str, name: str) -> list[tuple[int, str]]:
    """Line and kind of each likely secret in a declaration that is a text, such as a Dockerfile."""
    suspects = set(likely_secrets.search(text.encode("utf-8", "replace"), name))
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        if (kinds := set(_kinds(line))) and not likely_secrets.is_allowed(before, line, name):
            suspects |= {(number, kind) for kind in kinds}
        before = line
    return sorted(suspects)


def is_likely_secret(text: str) -> bool:
    """Whether a text is likely a secret by itself."""
    return bool(set(likely_secrets.search(text.encode("utf-8", "replace"), "")))


def _is_below(place: str, other: str) -> bool:
    return place == other or (place.startswith(other) and place[len(other)] in ".[")


def _in_value(place: Place, name: str, value: Any) -> Iterator[Suspect]:
    if isinstance(value, str):
        lines = likely_secrets.search(value.encode("utf-8", "replace"), "")
        yield from (Suspect(place, kind) for kind in {kind for _, kind in lines} | set(_kinds(value)))
        if name and _is_secret_of(name, value):
            yield Suspect(place, f"the value of {name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _in_value((*place, key), str(key), item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            flag = value[index - 1] if index else None
            # `--token VALUE` is two words.
            follows = isinstance(flag, str) and re.fullmatch(r"--?[\w.-]+", flag)
            yield from _in_value((*place, index), str(flag).lstrip("-") if follows else "", item)


def _kinds(text: str) -> Iterator[str]:
    for pattern, kind in (
        (_PASSWORD_IN_URL, "a password in an address"),
        (_TOKEN_IN_URL, "a token in an address"),
        (_TOKEN_IN_QUERY, "a token in an address"),
        (_HEADER, "a header that logs in"),
    ):
        if any(_is_secret_value(match["value"], pattern is _TOKEN_IN_URL) for match in pattern.finditer(text)):
            yield kind
    for match in _ASSIGNMENT.finditer(text):
        name = match["flag"] or match["name"]
        if _is_secret_of(name, match["value"].strip("\"'")):
            yield f"the value of {name}"


def _is_secret_of(name: str, value: str) -> bool:
    """Whether a value is a secret, judged by its name."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return False
    if words[-1] in _NAMES_OF_PASSWORDS:
        return len(value) >= 4 and not re.search(r"\s", value) and not _NO_PASSWORD.fullmatch(value)
    is_key = words[-1] == "key" and len(words) > 1 and words[-2] in _KINDS_OF_KEYS
    return (is_key or words[-1] in _NAMES_OF_TOKENS) and _is_secret_value(value, True)


def _is_secret_value(value: str, by_form: bool) -> bool:
    return not _NO_PASSWORD.fullmatch(value) and (not by_form or bool(_TOKEN.fullmatch(value)))
