"""`pulumi-resource-trainup` of an installed trainup: starts the plugin isolated from the user's Python variables."""

import os
import sys


def main() -> None:
    """Replace this process by the plugin. The engine reads the port from the first line of standard output."""
    # The CLI lets only the user read what it writes; the files of runs get the user's own umask.
    if mask := os.environ.get("TRAINUP_UMASK"):
        os.umask(int(mask, 8))
    # The engine passes the stack's configuration with secrets in clear; neither the plugin nor its children need it.
    for name in ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS"):
        os.environ.pop(name, None)
    os.dup2(1, 3)
    os.dup2(2, 1)
    os.set_inheritable(3, True)
    words = [sys.executable, "-I", "-m", "trainup.provider", "--output=3", *sys.argv[1:]]
    os.execv(sys.executable, words)
