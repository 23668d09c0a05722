"""Turns the words of a command into the line that Azure ML passes to bash."""

import re
import shlex
from collections.abc import Iterable

from trainup.core.commands import EXPRESSION

BOOTSTRAP = (
    'trainup_flags="$-"; { set +xv; trap - DEBUG; } 2>/dev/null; '
    'trainup_secrets="$(python -ISc '
    '"import base64, os; exec(base64.b64decode(os.environ[\'TRAINUP_BOOTSTRAP\']))")" || exit 126; '
    'eval "$trainup_secrets"; '
    "unset trainup_secrets TRAINUP_BOOTSTRAP TRAINUP_SECRETS; "
    'case "$trainup_flags" in *v*) set -v;; esac; case "$trainup_flags" in *x*) set -x;; esac'
)
"""Shell code that exports the secrets before the command starts. No argument and no file contains their values.

It switches off tracing (`SHELLOPTS`, a `BASH_ENV` with `set -x` or a trap) meanwhile, so that no value is printed.
With `-IS`, Python runs no start-up code of the image, whose output would mix with the exports.
"""


def line(words: Iterable[str]) -> str:
    """The words as one line for bash, quoted so that only `${{inputs.x}}` and `${{outputs.y}}` are expanded."""
    return " ".join(quoted(word) for word in words)


def quoted(word: str) -> str:
    """One word, quoted for bash.

    Azure ML replaces an expression by a path or by a variable with the path, so expressions are put in double quotes.
    """
    parts, position = [], 0
    for match in EXPRESSION.finditer(word):
        parts += [_plain(word[position : match.start()]), f'"${{{{{match[1]}.{match[2]}}}}}"']
        position = match.end()
    parts.append(_plain(word[position:]))
    return "".join(parts) or "''"


def _plain(text: str) -> str:
    if not text:
        return ""
    # `${{` elsewhere belongs to the script. It is split up, so that Azure ML does not take it for an expression.
    return re.sub(r"\$(?=\{\{)", "$''", shlex.quote(text))


def with_surroundings(command: str, checkpoints: str, *, secrets: bool) -> str:
    """The command, preceded by the set-up of its folders and, with `secrets`, of its secrets."""
    return "; ".join([*([BOOTSTRAP] if secrets else []), _folders(checkpoints), command])


def without_surroundings(text: str, checkpoints: str) -> str:
    """The command in a line that `with_surroundings` made; any other line as it is."""
    return text.removeprefix(f"{BOOTSTRAP}; ").removeprefix(f"{_folders(checkpoints)}; ")


def _folders(checkpoints: str) -> str:
    return (
        'mkdir -p outputs; export TRAINUP_OUTPUT_DIR="$PWD/outputs" '
        f'TRAINUP_CHECKPOINT_DIR="${{{{outputs.{checkpoints}}}}}"'
    )
