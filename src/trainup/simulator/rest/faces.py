"""Every route, in the order in which they are looked through."""

from trainup.simulator.rest import (
    arm,
    artifacts,
    blobs,
    history,
    jobs,
    locations,
    login,
    metadata,
    ml,
    mlflow,
    registry,
    vaults,
)
from trainup.simulator.rest.routing import Route

ROUTES: tuple[Route, ...] = (
    *metadata.ROUTES,
    *login.ROUTES,
    *history.ROUTES,
    *artifacts.ROUTES,
    *mlflow.ROUTES,
    *registry.ROUTES,
    *ml.ROUTES,
    *jobs.ROUTES,
    *locations.ROUTES,
    *vaults.ROUTES,
    *arm.ROUTES,  # answers for any resource, so what is special comes before it
    *blobs.ROUTES,  # and these for any path
)
