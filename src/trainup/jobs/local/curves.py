"""The curves of runs on this machine: from the database of MLflow where it is trainup's own, else from its server.

The database is read directly, since the server may be stopped, and takes a request for each metric of each run.
"""

import contextlib
import math
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path

from trainup.core.curves import Point, thinned
from trainup.jobs.local.tracking import Tracking, TrackingError
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import TargetError

SECONDS = 30.0
"""How long the database may be locked, and how long another server is asked."""
DATABASE = "mlflow.db"
INFINITE = 1.7e308
"""MLflow stores an infinity as the greatest number."""
EVENLY = """\
WITH numbered AS (
    SELECT run_uuid, key, step, value, is_nan,
        ROW_NUMBER() OVER (PARTITION BY run_uuid, key ORDER BY step, timestamp) AS place,
        COUNT(*) OVER (PARTITION BY run_uuid, key) AS total
    FROM metrics WHERE run_uuid IN ({}){}
)
SELECT run_uuid, key, step, value, is_nan FROM numbered
WHERE (place - 1) % MAX(1, total / ?) = 0 OR place = total ORDER BY run_uuid, key, place"""
"""Few of many points; without it, millions of them would be read."""
SPARE = 4
"""How many times as many points are read as are shown."""

Curves = dict[str, dict[str, list[Point]]]


def of(workspace: Workspace, run_ids: Mapping[str, str], points: int, metrics: Collection[str] | None = None) -> Curves:
    """Attempt → metric → at most so many points; `run_ids` are MLflow's ids by attempt. Raises TargetError.

    `metrics` are those that are wanted; None means all.
    """
    tracking = workspace.tracking()
    if tracking["kind"] == "none" or not run_ids:
        return {}
    if tracking["kind"] == "server":
        return _of_database(workspace.mlflow / DATABASE, run_ids, points, metrics)
    try:
        server = Tracking(str(tracking["uri"]))
        read = {name: server.curves(run_id, SECONDS, metrics) for name, run_id in run_ids.items()}
    except TrackingError as error:
        raise TargetError(str(error)) from error
    return {name: {key: thinned(line, points) for key, line in lines.items()} for name, lines in read.items()}


def _of_database(path: Path, run_ids: Mapping[str, str], points: int, metrics: Collection[str] | None) -> Curves:
    if not path.exists():
        return {}
    names = {run_id: name for name, run_id in run_ids.items()}
    curves: Curves = {}
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", timeout=SECONDS, uri=True)
        ) as database:
            wanted = "" if metrics is None else f" AND key IN ({', '.join('?' * len(metrics))})"
            question = EVENLY.format(", ".join("?" * len(names)), wanted)
            values = (*names, *(metrics or ()), points * SPARE)
            for run_id, key, step, value, is_nan in database.execute(question, values):
                line = curves.setdefault(names[run_id], {}).setdefault(str(key), [])
                line.append((float(step), math.nan if is_nan else _number(float(value))))
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise TargetError(f"{path} cannot be read: {error}") from error
    return {name: {key: thinned(line, points) for key, line in lines.items()} for name, lines in curves.items()}


def _number(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) >= INFINITE else value
