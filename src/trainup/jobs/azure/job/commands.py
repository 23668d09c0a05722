"""From the words of a command to the one line that Azure ML gives to bash."""

import re
import shlex
from collections.abc import Iterable

from trainup.core.commands import EXPRESSION

BOOTSTRAP = (
    'trainup_flags="$-"; { set +xv; trap - DEBUG; } 2>/dev/null; '
    'trainup_secrets="$(python -ISc "$TRAINUP_BOOTSTRAP")" || exit 126; eval "$trainup_secrets"; '
    "unset trainup_secrets TRAINUP_BOOTSTRAP TRAINUP_SECRETS; "
    'case "$trainup_flags" in *v*) set -v;; esac; case "$trainup_flags" in *x*) set -x;; esac'
)
"""Makes variables of the secrets before the command starts. The values are in no argument and no file.

A shell that tells what it does (`SHELLOPTS`, a `BASH_ENV` with `set -x` or a trap) keeps quiet meanwhile, and Python
runs nothing of the image's own at its start (`-IS`), which could print among the lines.
"""


def line(words: Iterable[str]) -> str:
    """The words for bash: each arrives as it is, but for its `${{inputs.x}}` and `${{outputs.y}}`."""
    return " ".join(quoted(word) for word in words)


def quoted(word: str) -> str:
    """One word for bash.

    Azure ML puts a path, or a variable with the path, in the place of an expression: either stands in double quotes.
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
    # Whatever else looks like an expression is the script's own affair: taken apart, Azure ML does not see it.
    return re.sub(r"\$(?=\{\{)", "$''", shlex.quote(text))


def with_surroundings(command: str, checkpoints: str, *, secrets: bool) -> str:
    """The line after what it finds around it: its folders, and its secrets if it has any."""
    folders = (
        'mkdir -p outputs; export TRAINUP_OUTPUT_DIR="$PWD/outputs" '
        f'TRAINUP_CHECKPOINT_DIR="${{{{outputs.{checkpoints}}}}}"'
    )
    return "; ".join([*([BOOTSTRAP] if secrets else []), folders, command])
