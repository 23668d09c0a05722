"""Bayesian sampling with Optuna."""

from collections.abc import Sequence

from trainup.core.sweeps.declaration import Sweep
from trainup.core.sweeps.outcomes import Outcome, Point


def next_point(sweep: Sweep, begun: Sequence[Outcome]) -> Point | None:
    """The next point."""
    raise NotImplementedError
