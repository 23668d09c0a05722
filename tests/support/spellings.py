"""The ways in which a script may print a secret, by the functions that scripts use."""

import base64
import html
import json
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus


def spellings(secret: str) -> dict[str, str]:
    """How it is spelled → the text that is printed, without the quotes around it. Lines are printed one by one."""
    data = secret.encode()
    found = {
        "as it is": secret,
        "JSON": json.dumps(secret)[1:-1],
        "JSON with letters": json.dumps(secret, ensure_ascii=False)[1:-1],
        "JSON for HTML": json.dumps(secret)[1:-1].replace("/", "\\/"),
        "JSON in JSON": json.dumps(json.dumps({"token": secret})),
        "JSON in upper case": _upper(json.dumps(secret)[1:-1]),
        "repr": repr(secret)[1:-1],
        "repr of bytes": repr(data)[2:-1],
        "repr of JSON": repr(json.dumps([secret])),
        "ascii": ascii(secret)[1:-1],
        "URL": quote(secret),
        "URL, all of it": quote(secret, safe=""),
        "URL in lower case": _lower(quote(secret, safe="")),
        "form": quote_plus(secret),
        "URL in a URL": quote(quote(secret, safe=""), safe=""),
        "shell": shlex.quote(secret),
        "shell by backslashes": "".join(char if char.isalnum() else f"\\{char}" for char in secret)
        if secret.isprintable()
        else secret,
        "HTML": html.escape(secret),
        "HTML by numbers": secret.encode("ascii", "xmlcharrefreplace").decode(),
        "XML": secret.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;"),
        "backslashes": secret.encode("ascii", "backslashreplace").decode(),
    }
    for before in range(3):
        for after in ("", "\n", ":rest"):
            around = b"user"[:before] + data + after.encode()
            found[f"base64 behind {before} before {after!r}"] = base64.b64encode(around).decode()
            found[f"base64 for URLs behind {before} before {after!r}"] = base64.urlsafe_b64encode(around).decode()
    found["base64 in a URL"] = quote(base64.b64encode(data).decode(), safe="")
    found["base64 in lines of 76"] = base64.encodebytes(data).decode()
    found["base64 in lines of 64"] = "\n".join(_pieces(base64.b64encode(data + b"\n").decode(), 64))
    return found


def parts(secret: str, least: int = 4) -> Iterator[str]:
    """What is not to be read anywhere: pieces of the spellings that tell of the secret."""
    for line in secret.splitlines():
        if len(line.strip()) >= least:
            yield from {text for text in spellings(line.strip()).values() if "\n" not in text}


def _pieces(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


def _upper(text: str) -> str:
    parts = text.split("\\u")
    return "\\u".join([parts[0], *(part[:4].upper() + part[4:] for part in parts[1:])])


def _lower(text: str) -> str:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])
