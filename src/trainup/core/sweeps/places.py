"""What trainup says where a key of a sweep stands in a place that is none of its places."""

HOW = "a sweep is a run with `sweep`, whose command takes ${{search_space.NAME}}"
KEYS = ("sampling_algorithm", "search_space", "objective", "limits", "early_termination")
"""Keys of the declaration of a sweep."""
PARTS = frozenset({"search_space", "sampling_algorithm", "objective", "early_termination"})
"""Keys that a sweep job of Azure ML has beside those of other jobs."""


def misplaced(key: str) -> str | None:
    """Where a key of a sweep belongs, for somebody who wrote it elsewhere; None for any other key."""
    if key in PARTS:
        return f"`{key}` is a part of a sweep: write it below `sweep` of the run"
    if key == "trial":
        return "the trial of a sweep is the run itself: write what it runs beside `sweep`"
    return f"{HOW}: write it there" if key in ("sweep", "sweeps") else None
