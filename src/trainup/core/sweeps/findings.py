"""Mistakes in the declaration of a sweep."""

from dataclasses import dataclass

from trainup.core.input_secrets import Place


@dataclass(frozen=True)
class Finding:
    """One mistake: where it stands below `sweep`, and the sentence that explains it."""

    place: Place
    reason: str

    @property
    def key(self) -> str:
        """The place with dots: `search_space.lr.min_value`; empty for the sweep as a whole."""
        return ".".join(map(str, self.place))
