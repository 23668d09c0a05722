"""The MLflow server as one process; run by the Python of the server's environment, never imported.

`mlflow server` would be four times as large: a launcher, and a runner of jobs that nobody submits here.
"""

import hmac
import math
import os
import sys
from pathlib import Path
from typing import Any

import uvicorn  # first: by its presence MLflow knows that it is a server, and guards itself
from alembic.config import Config
from mlflow.entities import Param, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.server import constants, handlers
from mlflow.store.db import utils
from mlflow.store.tracking.dbmodels.models import SqlMetric
from sqlalchemy import func

SECRET = "TRAINUP_TRACKING_SECRET"
"""Name of the variable with the first part of every address: an argument could be read by everybody."""
MOST_PARAMETERS = 100
"""MLflow's maximum in one call."""


class Guarded:
    """An ASGI app below a path that only this user knows: everybody on this machine can connect to the port."""

    def __init__(self, app: Any, secret: str) -> None:
        self._app, self._secret = app, secret.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand a request on without the secret; without the secret, answer that there is nothing."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        first, slash, rest = scope["path"].removeprefix("/").partition("/")
        if not hmac.compare_digest(first.encode(), self._secret):
            await _answer(scope, send, 404, [])
        elif not slash:  # the page's own addresses are relative to its folder
            await _answer(scope, send, 307, [(b"location", b"/" + self._secret + b"/")])
        else:
            raw = b"/" + scope["raw_path"].removeprefix(b"/").partition(b"/")[2]
            await self._app({**scope, "path": f"/{rest}", "raw_path": raw}, receive, send)


async def _answer(scope: Any, send: Any, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"MLflow is at the address that `make ui` tells.\n"})


def serve(database: Path, artifacts: Path, port: int, secret: str) -> None:
    """Bring the database to this version of MLflow, then serve this user on this machine only."""
    # By its name alone: MLflow, SQLAlchemy and SQLite differ in what a `%` or a `?` means in an address.
    os.chdir(database.parent)
    escape_migrations()
    migrate(database)
    store, proxy = f"sqlite:///{database.name}", "mlflow-artifacts:/"
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.REGISTRY_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: proxy,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: artifacts.as_uri(),
    }
    handlers.initialize_backend_stores(store, store, proxy)  # before it answers, and by one thread
    from mlflow.server.fastapi_app import app  # reads the variables that are set above

    own = len(app.router.routes)
    app.get("/trainup/extremes")(extremes)
    app.post("/trainup/begin")(begin)
    app.post("/trainup/end")(end)
    routes = app.router.routes
    routes[:] = routes[own:] + routes[:own]  # MLflow's own pages answer whatever comes last
    uvicorn.run(Guarded(app, secret), host="127.0.0.1", port=port)


def extremes(run_id: str) -> dict[str, tuple[float, float]]:
    """Metric → its lowest and highest value in a run, NaN left out.

    MLflow's own interface tells the history of one metric at a time: a run with thousands would take minutes.
    """
    value, conditions = SqlMetric.value, (SqlMetric.run_uuid == run_id, SqlMetric.is_nan.is_(False))
    with handlers._get_tracking_store().ManagedSessionMaker() as session:
        rows = (
            session.query(SqlMetric.key, func.min(value), func.max(value)).filter(*conditions).group_by(SqlMetric.key)
        )
        return {key: (lowest, highest) for key, lowest, highest in rows}


def begin(run: dict[str, Any]) -> dict[str, str]:
    """Make a run in the experiment of this name, which is made where there is none; `run_id` and `experiment_id`."""
    store, name = handlers._get_tracking_store(), run["experiment"]
    if (experiment := store.get_experiment_by_name(name)) is None:
        try:
            experiment = store.get_experiment(store.create_experiment(name))
        except MlflowException:  # another run made it in this very moment
            experiment = store.get_experiment_by_name(name)
    tags = [RunTag(key, value) for key, value in run["tags"].items()]
    made = store.create_run(experiment.experiment_id, "", run["start_time"], tags, run["run_name"])
    return {"run_id": made.info.run_id, "experiment_id": experiment.experiment_id}


def end(run: dict[str, Any]) -> dict[str, Any]:
    """Note how a run ended, and those parameters that it has not logged; its last `metrics`, and their `extremes`."""
    store, run_id = handlers._get_tracking_store(), run["run_id"]
    before = store.get_run(run_id)
    new = [Param(key, value) for key, value in run["parameters"].items() if key not in before.data.params]
    for first in range(0, len(new), MOST_PARAMETERS):
        store.log_batch(run_id, [], new[first : first + MOST_PARAMETERS], [])
    ended = max(run["end_time"], before.info.start_time or 0)  # though a clock was set back
    store.update_run_info(run_id, RunStatus.from_string(run["status"]), ended, None)
    # JSON has no NaN: it is written as text, as by MLflow itself, which stores infinity as the largest number.
    metrics = {key: "NaN" if math.isnan(value) else value for key, value in before.data.metrics.items()}
    return {"metrics": metrics, "extremes": extremes(run_id)}


def escape_migrations() -> None:
    """Let MLflow find its migrations also where its own folder holds a `%`, which means something in their settings."""
    original = Config.set_main_option

    def escaped(config: Any, name: str, value: str) -> None:
        original(config, name, value.replace("%", "%%") if name == "script_location" else value)

    Config.set_main_option = escaped


def migrate(database: Path) -> None:
    """Bring an older database in the working directory up to date; make a new one whole or not at all."""
    if database.exists():
        utils._upgrade_db(utils.create_sqlalchemy_engine(f"sqlite:///{database.name}"))
        return
    unfinished = database.with_name(f".{database.name}.new")
    unfinished.unlink(missing_ok=True)
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{unfinished.name}")
    utils._initialize_tables(engine)
    engine.dispose()
    unfinished.replace(database)


if __name__ == "__main__":
    os.umask(0o077)
    serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), os.environ.pop(SECRET))
