"""`trainup open`: the page of a run in the browser."""

import os
import sys
import webbrowser

import click

from trainup.cli.options import on_stack
from trainup.cli.runs import lookup, places
from trainup.jobs.local import tracked
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.target import TargetError

DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
"""Variables that say that a browser can show a page: without one, Python would start a text browser."""


@on_stack
@click.command("open")
@click.argument("run")
def open_(run: str, stack: str) -> None:
    """Open the page of RUN in the browser, and print its address; starts the MLflow server if it has stopped.

    RUN is a run's name (its current attempt), the name of any recorded attempt, or the beginning of an id."""
    known = lookup.find(*places.open_records(stack), run)
    if not known.record.web_url:
        raise TargetError(f"{known.record.name} has no page: it has not begun, or `tracking` is none")
    if isinstance(known.target, LocalTarget) and known.target.workspace.tracking()["kind"] != "none":
        tracked.reachable(known.target.workspace)
    print(known.record.web_url)
    if sys.platform == "darwin" or any(os.environ.get(name) for name in DISPLAYS):
        webbrowser.open(known.record.web_url)
