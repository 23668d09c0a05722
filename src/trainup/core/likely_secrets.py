"""Likely secrets in text: line and kind, never the secret itself.

Only formats with a mark of their own are looked for: private keys, tokens and cloud keys. Detectors that judge by
entropy or by words such as `password` stop ordinary sources (the standard library has hundreds of such lines). The
marks are searched for as plain bytes first, which is fast; only a line that has one is shown to `detect-secrets`, which
takes long to import and works line by line. Binary files are not searched.
"""

import importlib
import re
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

BLOCK_OF_BINARY_TEST = 8_000
MOST_BYTES_OF_A_LINE = 16_384
"""A longer line is searched around its marks."""
MOST_MARKS_OF_A_LINE = 5_000

_PLUGINS: dict[str, tuple[bytes, ...]] = {
    "aws.AWSKeyDetector": (b"A3T", b"ABIA", b"ACCA", b"AKIA", b"ASIA", b"aws", b"AWS"),
    "azure_storage_key.AzureStorageKeyDetector": (b"AccountKey=",),
    "github_token.GitHubTokenDetector": (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),
    "gitlab_token.GitLabTokenDetector": tuple(
        f"gl{kind}-".encode() for kind in ("pat", "dt", "ft", "soat", "rt", "cbt", "imt", "ptt", "agent", "oas")
    ),
    "jwt.JwtTokenDetector": (b"eyJ",),
    "npm.NpmDetector": (b":_authToken",),
    "openai.OpenAIDetector": (b"T3BlbkFJ",),
    "private_key.PrivateKeyDetector": (b"PRIVATE KEY", b"PuTTY-User-Key-File-2"),
    "pypi_token.PypiTokenDetector": (b"pypi-AgE",),
    "sendgrid.SendGridDetector": (b"SG.",),
    "slack.SlackDetector": (b"xox", b"hooks.slack.com"),
    "square_oauth.SquareOAuthDetector": (b"sq0csp-",),
    "stripe.StripeDetector": (b"k_live_",),
}
"""Detector → marks; every secret that it detects contains one of them."""

_OWN: dict[str, tuple[bytes, re.Pattern[str]]] = {
    "Azure shared access key": (b"SharedAccessKey=", re.compile(r"SharedAccessKey=[A-Za-z0-9+/]{43}=")),
    "Azure shared access signature": (b"sig=", re.compile(r"[?&;]sig=(?:[A-Za-z0-9+/]|%2[BbFf]){43}(?:=|%3[Dd])")),
    "Microsoft Entra client secret": (b"Q~", re.compile(r"\b[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![\w~.-])")),
    "Hugging Face token": (b"hf_", re.compile(r"\bhf_[A-Za-z0-9]{34}\b")),
    "GitHub fine-grained token": (b"github_pat_", re.compile(r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b")),
    "Google API key": (b"AIza", re.compile(r"\bAIza[A-Za-z0-9_-]{35}(?![\w-])")),
}
"""Kinds of secret that detect-secrets lacks → mark and pattern."""

_MARKS = re.compile(
    b"|".join(
        map(re.escape, [*(mark for marks in _PLUGINS.values() for mark in marks), *(mark for mark, _ in _OWN.values())])
    )
)
_LOADING = threading.Lock()


@cache
def rules() -> str:
    """Version of these rules: files that were searched by other rules are searched again."""
    import importlib.metadata  # takes longer than most of what a small folder needs

    return f"2 detect-secrets {importlib.metadata.version('detect-secrets')}"


def is_text(start: bytes) -> bool:
    """Whether a file that starts so is text, by git's own measure."""
    return b"\0" not in start[:BLOCK_OF_BINARY_TEST]


def search(block: bytes, name: str, first_line: int = 1) -> Iterator[tuple[int, str]]:
    """Yield line number and kind of what looks like a secret in whole lines of the file `name`."""
    lines: dict[int, dict[int, set[bytes]]] = {}
    crowded: set[int] = set()
    start = searched = marks = 0
    for match in _MARKS.finditer(block):
        before, start = start, max(start, block.rfind(b"\n", searched, match.start()) + 1)
        marks = marks + 1 if start == before else 1
        if marks > MOST_MARKS_OF_A_LINE:
            crowded.add(start)
        searched = match.start()
        # A line too long to be searched as a whole is searched in stretches.
        stretch = (match.start() - start) // MOST_BYTES_OF_A_LINE
        lines.setdefault(start, {}).setdefault(stretch, set()).add(match[0])
    for start, stretches in lines.items():
        end = block.find(b"\n", start)
        end = len(block) if end < 0 else end
        if start in crowded:  # checking each of them would take minutes
            kinds = {"more beginnings of secrets in one line than are looked at"}
        else:
            kinds = {kind for stretch, hits in stretches.items() for kind in _kinds(block, start, end, stretch, hits)}
        if kinds and not _is_allowed_inline(block, start, end, name):
            number = first_line + block.count(b"\n", 0, start)
            yield from ((number, kind) for kind in sorted(kinds))


def _kinds(block: bytes, start: int, end: int, stretch: int, marks: set[bytes]) -> Iterator[str]:
    begin = start + max(stretch - 1, 0) * MOST_BYTES_OF_A_LINE
    line = block[begin : min(end, start + (stretch + 2) * MOST_BYTES_OF_A_LINE)].decode("utf-8", "replace")
    for plugin, plugin_marks in _PLUGINS.items():
        if not marks.isdisjoint(plugin_marks):
            detector = _detector(plugin)
            if any(True for _ in detector.analyze_string(line)):
                yield detector.secret_type
    for kind, (mark, pattern) in _OWN.items():
        if mark in marks and pattern.search(line):
            yield kind


def _is_allowed_inline(block: bytes, start: int, end: int, name: str) -> bool:
    line = block[max(start, end - MOST_BYTES_OF_A_LINE) : end].decode("utf-8", "replace").rstrip("\r")
    before = block[max(0, start - MOST_BYTES_OF_A_LINE) : max(0, start - 1)].decode("utf-8", "replace")
    return is_allowed(before.rpartition("\n")[2].rstrip("\r"), line, name)


def is_allowed(before: str, line: str, name: str) -> bool:
    """Whether `# pragma: allowlist secret` ends the line, or `… allowlist nextline secret` is the line before."""
    snippet = _load("util.code_snippet").CodeSnippet([before, line], start_line=1, target_index=1)
    return bool(_load("filters.allowlist").is_line_allowlisted(name, line, snippet))


@cache
def _detector(plugin: str) -> Any:
    module, name = plugin.split(".")
    return getattr(_load(f"plugins.{module}"), name)()


def _load(module: str) -> Any:
    # Its modules import each other in circles, which is safe from one thread at a time only.
    with _LOADING:
        return importlib.import_module(f"detect_secrets.{module}")
