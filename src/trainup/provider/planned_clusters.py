"""What a preview is about to make of local clusters, for sweeps that use them: the target does not know it yet."""

from pathlib import Path
from typing import Any

from trainup.core.values import Unknown
from trainup.provider.handler import Context

_nodes: dict[Path, dict[str, int]] = {}


def remember(context: Context, cluster: str, max_nodes: int) -> None:
    """Note the slots that a cluster is about to have."""
    _nodes.setdefault(context.project, {})[cluster] = max_nodes


def max_nodes(context: Context, cluster: Any) -> int | None:
    """The slots that a cluster is about to have; None where this operation does not change it.

    An unknown one is new: then it is the one that is about to be made, where there is just one.
    """
    planned = _nodes.get(context.project, {})
    if isinstance(cluster, Unknown):
        return next(iter(planned.values())) if len(planned) == 1 else None
    return planned.get(str(cluster))
