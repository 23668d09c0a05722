"""The MLflow server as one process; run by the Python of the server's environment, never imported.

`mlflow server` would be four times as large: a launcher, and a runner of jobs that nobody submits here.
"""

import os
import sys
from pathlib import Path

import uvicorn  # first: by its presence MLflow knows that it is a server, and guards itself
from mlflow.server import constants, handlers
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.models import SqlMetric
from sqlalchemy import func


def serve(database: Path, artifacts: Path, port: int) -> None:
    """Bring the database to this version of MLflow, then serve on this machine only."""
    migrate(database)
    store, proxy = f"sqlite:///{database}", "mlflow-artifacts:/"
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.REGISTRY_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: proxy,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: str(artifacts),
    }
    handlers.initialize_backend_stores(store, store, proxy)  # before it answers, and by one thread
    from mlflow.server.fastapi_app import app  # it looks at what was set above

    app.get("/trainup/extremes")(extremes)
    app.router.routes.insert(0, app.router.routes.pop())  # MLflow's own pages answer whatever comes last
    uvicorn.run(app, host="127.0.0.1", port=port)


def extremes(run_id: str) -> dict[str, tuple[float, float]]:
    """Metric → its lowest and highest value in a run, NaN left out.

    MLflow's own interface tells the history of one metric at a time: a run with thousands would take minutes.
    """
    value, kept = SqlMetric.value, (SqlMetric.run_uuid == run_id, SqlMetric.is_nan.is_(False))
    with handlers._get_tracking_store().ManagedSessionMaker() as session:
        rows = session.query(SqlMetric.key, func.min(value), func.max(value)).filter(*kept).group_by(SqlMetric.key)
        return {key: (lowest, highest) for key, lowest, highest in rows}


def migrate(database: Path) -> None:
    """Bring an older database up to date; make a new one whole or not at all."""
    if database.exists():
        utils._upgrade_db(utils.create_sqlalchemy_engine(f"sqlite:///{database}"))
        return
    unfinished = database.with_name(f".{database.name}.new")
    unfinished.unlink(missing_ok=True)
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{unfinished}")
    utils._initialize_tables(engine)
    engine.dispose()
    unfinished.replace(database)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
