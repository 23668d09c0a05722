"""The program of scoring runs, as a variable of the job carries it."""

import base64
import shlex
import sys
import zlib
from functools import cache
from pathlib import Path

from trainup.core import scoring

SETTING = f'{scoring.VARIABLE}="$({shlex.quote(sys.executable)} -m trainup.jobs.serving.batch)"'
"""Sets that variable in a shell on this machine."""
PARTS = ("trainup_entry.py", "trainup_batch.py")


@cache
def program() -> str:
    """The program for `core/scoring.VARIABLE`."""
    texts = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in PARTS]
    # Both parts are one module there, so what they import of each other is there already.
    lines = [
        line for line in "\n".join(texts).splitlines() if not line.startswith(("from trainup.", "from __future__"))
    ]
    text = "from __future__ import annotations\n" + "\n".join(lines) + "\n"
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


if __name__ == "__main__":
    print(program())
