"""Gunicorn's configuration of an endpoint's server: it takes requests only after it has answered the samples.

Run by the Python of the model's environment; imports nothing of trainup. Its hooks are those that Gunicorn documents
(https://docs.gunicorn.org/en/stable/settings.html#server-hooks).
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

Application = Callable[..., Any]

control_socket_disable = True  # it would lie in a place that all servers of a user share


def on_starting(server: Any) -> None:
    """Watch the keeper: when it is killed, another one takes its place, with the socket that stays open here."""
    threading.Thread(target=_watch_keeper, daemon=True).start()


def _watch_keeper() -> None:
    alive = int(os.environ["TRAINUP_KEEPER_ALIVE"])
    if os.read(alive, 1):
        return  # the keeper ends in order
    socket = int(os.environ["TRAINUP_SOCKET"])
    subprocess.Popen(
        [*json.loads(os.environ["TRAINUP_KEEPER"]), str(socket)],
        stdin=subprocess.DEVNULL,
        pass_fds=(socket,),
        start_new_session=True,
        cwd="/",
    )


def post_worker_init(worker: Any) -> None:
    """Answer the samples before the first request; report how that went to the keeper."""
    problem = _problem(worker.wsgi, os.environ.get("TRAINUP_SAMPLES", ""))
    _report({"problem": problem, "pid": worker.ppid})
    if problem:
        print(f"the deployment is refused: {problem}", file=sys.stderr, flush=True)
        sys.exit(3)  # Gunicorn takes 3 for a worker that cannot start, and ends


def _problem(application: Application, folder: str) -> str | None:
    """What a sample was answered with, where it should have been something else; None where all is well."""
    if not folder:
        return None
    from werkzeug.test import Client

    spec = importlib.util.spec_from_file_location("trainup_samples", os.environ["TRAINUP_SHARED"] + "/samples.py")
    assert spec is not None, "the file is trainup's own"
    assert spec.loader is not None, "the file is trainup's own"
    samples = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = samples
    spec.loader.exec_module(samples)
    client = Client(application)
    for sample in samples.of(folder):
        answer = client.post("/score", data=sample.body, content_type="application/json")
        if problem := sample.problem(answer.status_code, answer.get_data()):
            return str(problem)
    return None


def _report(result: dict[str, Any]) -> None:
    path = os.environ["TRAINUP_REPORT"]
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump({"version": 1, **result}, file)
    os.replace(f"{path}.new", path)
