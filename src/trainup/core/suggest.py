"""Suggestions for misspelt names."""

import difflib
from collections.abc import Iterable

ALIKE = 0.6
"""Similarity from which a name counts as a misspelling; equal names have 1."""


def nearest(name: object, names: Iterable[object]) -> str | None:
    """The one of `names` that was likely meant by `name`, or None."""
    by_shape = {_shape(other): str(other) for other in names}
    matches = difflib.get_close_matches(_shape(name), by_shape, n=1, cutoff=ALIKE)
    return by_shape[matches[0]] if matches else None


def unknown(name: object, names: Iterable[object], sentence: str = "there is no such key") -> str:
    """The sentence about an unknown name, with all names that exist and a suggestion."""
    texts = [str(other) for other in names]
    guess = nearest(name, texts)
    return f"{sentence}; there are {', '.join(texts) or 'none'}{f': did you mean {guess}?' if guess else ''}"


def _shape(name: object) -> str:
    """The name without case, dashes, underscores and blanks: `maxNodes` and `max-nodes` are close."""
    return str(name).lower().replace("-", "").replace("_", "").replace(" ", "")
