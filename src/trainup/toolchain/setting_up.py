"""Installs what is missing on a machine, one process at a time."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator

from trainup.toolchain import pulumi_cli, uv
from trainup.toolchain.paths import PYTHON, TOOLCHAIN, SetupError, say


def environment() -> None:
    """Create or update the Python environment of a checkout; quick when it is up to date. Raises SetupError."""
    with _alone():
        uv.sync(uv.ensure())


def cli() -> pulumi_cli.Cli:
    """The Pulumi CLI, installed if it is missing. Raises SetupError."""
    if ready := pulumi_cli.ready():
        return ready
    with _alone():
        return pulumi_cli.ensure(uv.ensure)


def _check_path() -> None:
    for folder in (TOOLCHAIN, PYTHON.parent):
        if os.pathsep in str(folder):
            raise SetupError(
                f"the path of this folder holds a {os.pathsep!r}, at which PATH would be cut apart: {folder}; "
                "give the folder another name, or move it"
            )


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process set up at a time; the lock ends with the process."""
    _check_path()
    TOOLCHAIN.mkdir(parents=True, exist_ok=True)
    with (TOOLCHAIN / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is under way; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for abandoned in (*TOOLCHAIN.glob("cli.*"), *TOOLCHAIN.glob("uv.*")):
            shutil.rmtree(abandoned, ignore_errors=True)
        yield
