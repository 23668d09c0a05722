"""The parameters of a run for MLflow, from its command's options and its literal inputs."""

import re
from collections.abc import Mapping, Sequence

LONGEST_NAME, LONGEST_VALUE = 250, 6000
"""MLflow's limits for parameters, in characters."""
_OPTION = re.compile(r"--?(?P<name>[A-Za-z][A-Za-z0-9_./-]*)(?:=(?P<value>.*))?", re.DOTALL)


def parameters_of(command: Sequence[str], literals: Mapping[str, str]) -> dict[str, str]:
    """Name → value of every option of a command (`--epochs 5`, `--lr=0.1`; `true` for one without a value), and of the
    literal inputs.

    Words that are no options have no name and are left out; of an option that is given twice the last counts.
    """
    result: dict[str, str] = {}
    words = list(command)
    for index, word in enumerate(words):
        if not (match := _OPTION.fullmatch(word)):
            continue
        value = match["value"]
        if value is None:
            following = words[index + 1] if index + 1 < len(words) else ""
            value = following if following and not _OPTION.fullmatch(following) else "true"
        result[match["name"]] = value
    result |= literals
    return {name: value[:LONGEST_VALUE] for name, value in result.items() if len(name) <= LONGEST_NAME}
