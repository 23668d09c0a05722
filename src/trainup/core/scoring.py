"""The command of a run that scores data: the program that calls `init()` and `run()` of an entry script."""

from collections.abc import Iterable, Sequence

VARIABLE = "TRAINUP_SCORING"
"""Holds that program as base64 of zlib. It is in the environment and not in the command, whose digest it would change:
a newer trainup scores nothing again."""
PROGRAM = f"import base64,os,zlib;exec(zlib.decompress(base64.b64decode(os.environ.pop('{VARIABLE}'))))"
DATA, MODEL = "data", "model"
"""Names of the inputs that a scoring run reads."""


def command(script: str, inputs: Iterable[str]) -> tuple[str, ...]:
    """The words that score with an entry script."""
    model = ["${{inputs.model}}"] if MODEL in inputs else []
    return ("python", "-c", PROGRAM, script, "${{inputs.data}}", *model)


def is_scoring(words: Sequence[str]) -> bool:
    """Whether these are the words of `command`."""
    return len(words) > 2 and words[2] == PROGRAM
