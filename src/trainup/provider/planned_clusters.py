"""What a preview is about to make of clusters, for sweeps that depend on them: the target does not know it yet."""

from pathlib import Path

from trainup.provider.handler import Context

_nodes: dict[tuple[Path, str, str], int] = {}


def remember(context: Context, workspace: str, cluster: str, max_nodes: int) -> None:
    """Note the slots that a local cluster is about to have."""
    _nodes[context.project, workspace, cluster] = max_nodes


def max_nodes(context: Context, workspace: str, cluster: str) -> int | None:
    """The slots that a local cluster is about to have; None where this operation does not change it."""
    return _nodes.get((context.project, workspace, cluster))
