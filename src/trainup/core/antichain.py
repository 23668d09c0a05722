"""What may happen at once where some things wait for others: the heaviest set in which nothing waits for another."""

from collections import deque
from collections.abc import Collection, Mapping

_SOURCE, _SINK = ("source", ""), ("sink", "")
_Node = tuple[str, str]


def heaviest(weights: Mapping[str, float], after: Mapping[str, Collection[str]]) -> float:
    """The weight of the heaviest set; `after` says which names come after which. Names without a weight count as 0.

    By Dilworth's theorem it is the total weight minus a maximum flow between each name and those that come after it.
    """
    before = {name: _all_before(name, after) for name in weights}
    capacity: dict[_Node, dict[_Node, float]] = {}

    def edge(start: _Node, end: _Node, size: float) -> None:
        capacity.setdefault(start, {})[end] = size
        capacity.setdefault(end, {}).setdefault(start, 0.0)

    for name, weight in weights.items():
        edge(_SOURCE, ("early", name), weight)
        edge(("late", name), _SINK, weight)
    for late, earlier in before.items():
        for early in earlier & weights.keys():
            edge(("early", early), ("late", late), float("inf"))
    return sum(weights.values()) - _flow(capacity)


def _all_before(name: str, after: Mapping[str, Collection[str]]) -> set[str]:
    names, waiting = set[str](), [name]
    while waiting:
        for one in after.get(waiting.pop(), ()):
            if one not in names:
                names.add(one)
                waiting.append(one)
    return names


def _flow(capacity: dict[_Node, dict[_Node, float]]) -> float:
    """The maximum flow from source to sink, by shortest paths. Uses up the capacities."""
    total = 0.0
    while path := _path(capacity):
        room = min(capacity[start][end] for start, end in path)
        for start, end in path:
            capacity[start][end] -= room
            capacity[end][start] += room
        total += room
    return total


def _path(capacity: Mapping[_Node, Mapping[_Node, float]]) -> list[tuple[_Node, _Node]]:
    came: dict[_Node, _Node] = {}
    waiting = deque([_SOURCE])
    while waiting:
        start = waiting.popleft()
        for end, room in capacity.get(start, {}).items():
            if room > 1e-12 and end not in came and end != _SOURCE:
                came[end] = start
                if end == _SINK:
                    path = [(start, end)]
                    while path[-1][0] != _SOURCE:
                        path.append((came[path[-1][0]], path[-1][0]))
                    return path
                waiting.append(end)
    return []
