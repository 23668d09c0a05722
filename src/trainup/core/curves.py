"""Curves of metrics with few points, so that many of them can be shown."""

from collections.abc import Sequence

Point = tuple[float, float]
"""(step, value) of a metric."""


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many of the points in the order of their steps, evenly chosen, the first and the last among them.

    Points that were logged without steps are numbered in their order.
    """
    if len({step for step, _ in points}) == 1:
        ordered = [(float(number), value) for number, (_, value) in enumerate(points)]
    else:
        ordered = sorted(points, key=lambda point: point[0])
    if len(ordered) <= most:
        return ordered
    places = [round(number * (len(ordered) - 1) / (most - 1)) for number in range(most)]
    return [ordered[place] for place in places]
