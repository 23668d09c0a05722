"""Checks the lines of a requirements file by one rule: they decide what is installed, on any machine at any time.

The format is pip's (https://pip.pypa.io/en/stable/reference/requirements-file-format/), as uv reads it.
"""

import re
from collections.abc import Iterator

_CONTINUED = re.compile(r"\\\r?\n\s*")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OPTION = re.compile(r"(--[a-z-]+|-[a-zA-Z])[ \t=]*(.*)")
_INCLUDES = frozenset({"-r", "-c", "--requirement", "--constraint"})
_EDITABLE = frozenset({"-e", "--editable"})
_INDEXES = frozenset({"-i", "--index-url", "--pypi-url", "--extra-index-url", "-f", "--find-links"})
"""Options that say where packages come from."""
_ITS_OPTIONS = re.compile(r"\s--?(?=[a-z]).*$")
_NAMED_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?@\s*(\S.*)")
_VERSION_CONTROL = re.compile(r"(git|hg|svn|bzr)\+", re.IGNORECASE)
_COMMIT = re.compile(r"@(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})(?=[#;\s]|$)")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(?:whl|zip|egg|tgz|tar|tbz|txz|tlz|tar\.[a-z0-9]+)(?:\[[^\[\]]*\])?$", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[A-Za-z0-9_]+\}")
_LOGIN = re.compile(r"(?<=://)[^/\s@]*@")
_SHOWN_LOGIN = re.compile(r"(?<=://)[^/\s@]+@")

MOST_CHARACTERS = 64 * 1024
"""Maximum length of a line; one with the hashes of a hundred files has a tenth of it."""
LOCAL = (
    "names a local path ({}): its content would not be part of the image's digest; put the code into the run's source "
    "folder, or publish a package"
)
MOVING = (
    "names no commit ({}): what a branch or a tag stands for changes, and the image's digest would not; write the "
    "commit's 40 digits after an @ (`git ls-remote` tells them)"
)
FILLED_IN = (
    "has a variable outside of a login ({}): what it stands for would not be part of the image's digest; write it out"
)


def lines(text: str) -> Iterator[str]:
    """The lines without comments and blank ones; lines that end in a backslash are joined with the next."""
    for line in _CONTINUED.sub(" ", text).splitlines():
        if line := _COMMENT.sub("", line).strip():
            yield line


def included(line: str) -> str | None:
    """The file that `-r` or `-c` names, if the line is one of these."""
    option = _OPTION.fullmatch(line)
    if option is None or option[1] not in _INCLUDES:
        return None
    name = option[2].strip()
    is_quoted = len(name) > 1 and name[0] == name[-1] and name[0] in "\"'"
    return name[1:-1] if is_quoted else name


def problem(line: str) -> str | None:
    """Why a line does not decide what is installed, as the end of a sentence; None if it does."""
    if len(line) > MOST_CHARACTERS:
        return (
            f"has a line of {len(line):,} characters ({line[:40]!r} …): a requirement has at most {MOST_CHARACTERS:,}"
        )
    if _VARIABLE.search(_LOGIN.sub("", line)):
        return FILLED_IN.format(_shown(line))
    if option := _OPTION.fullmatch(line):
        name, value = option[1], option[2].strip().strip("\"'")
        if name in _EDITABLE:
            return _address_problem(value, line) if _VERSION_CONTROL.match(value) else LOCAL.format(_shown(line))
        if name in _INCLUDES and _scheme(value):
            return f"includes an address ({_shown(line)}): what lies there may change; put the lines into the file"
        is_elsewhere = name not in _INDEXES or _scheme(value) in ("http", "https")
        return None if is_elsewhere else LOCAL.format(_shown(line))
    text = _ITS_OPTIONS.sub("", line).strip()
    address = _NAMED_ADDRESS.fullmatch(text)
    if address or _scheme(text) or _VERSION_CONTROL.match(text) or text.lower().startswith("file:"):
        return _address_problem(address[1] if address else text, line)
    if _ARCHIVE.search(text.partition(";")[0].strip()):
        return LOCAL.format(_shown(line))
    from packaging.requirements import InvalidRequirement, Requirement  # slow to import, in every preview

    try:
        Requirement(text)
    except InvalidRequirement:  # other mistakes are reported best by the installer
        return LOCAL.format(_shown(line)) if re.search(r"[/\\]|^[.~]", text.partition(";")[0]) else None
    return None


def _address_problem(address: str, line: str) -> str | None:
    if control := _VERSION_CONTROL.match(address):
        if _scheme(address[control.end() :]) in (None, "file"):
            return LOCAL.format(_shown(line))
        return None if _COMMIT.search(address) else MOVING.format(_shown(line))
    return None if _scheme(address) in ("http", "https") else LOCAL.format(_shown(line))


def _scheme(text: str) -> str | None:
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def _shown(line: str) -> str:
    """A line for messages, without the password in an address."""
    return repr(_SHOWN_LOGIN.sub("***@", line))
