"""Names that do not exist, told with the one that was likely meant."""

import difflib
from collections.abc import Iterable

ALIKE = 0.6
"""From here on a name is taken for a misspelt one; 1 is the same."""


def nearest(given: object, known: Iterable[object]) -> str | None:
    """The name that was likely meant, or None."""
    by_shape = {_shape(name): str(name) for name in known}
    found = difflib.get_close_matches(_shape(given), by_shape, n=1, cutoff=ALIKE)
    return by_shape[found[0]] if found else None


def unknown(given: object, known: Iterable[object], sentence: str = "there is no such key") -> str:
    """The sentence, with a suggestion and the names that there are."""
    names = [str(name) for name in known]
    guess = nearest(given, names)
    return f"{sentence}; there are {', '.join(names) or 'none'}{f': did you mean {guess}?' if guess else ''}"


def _shape(name: object) -> str:
    """Case and dashes are easily mistaken: `maxNodes`, `max-nodes`."""
    return str(name).lower().replace("-", "").replace("_", "").replace(" ", "")
