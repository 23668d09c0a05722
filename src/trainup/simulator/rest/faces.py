"""All routes, in the order in which they are matched."""

from trainup.simulator.rest import (
    arm,
    artifacts,
    blobs,
    history,
    inference,
    jobs,
    locations,
    login,
    metadata,
    ml,
    mlflow,
    mlflow_registry,
    registry,
    retail_prices,
    schedules,
    shared_assets,
    subscriptions,
    vaults,
)
from trainup.simulator.rest.routing import Route

ROUTES: tuple[Route, ...] = (
    *metadata.ROUTES,
    *login.ROUTES,
    *history.ROUTES,
    *artifacts.ROUTES,
    *mlflow_registry.ROUTES,
    *mlflow.ROUTES,  # matches every other call of MLflow
    *registry.ROUTES,
    *ml.ROUTES,
    *shared_assets.ROUTES,
    *jobs.ROUTES,
    *schedules.ROUTES,
    *inference.ROUTES,
    *locations.ROUTES,
    *subscriptions.ROUTES,
    *retail_prices.ROUTES,
    *vaults.ROUTES,
    *arm.ROUTES,  # matches every resource, so more specific routes come before it
    *blobs.ROUTES,  # matches every path
)
