"""`pulumi-resource-trainup` of an installed trainup: the plugin, in an interpreter that no variable changes."""

import os
import sys


def main() -> None:
    """Take this process's place. Standard output is the engine's, which takes its first line for the port."""
    # The CLI writes for the user alone; what runs write is as readable as the user has it.
    if mask := os.environ.get("TRAINUP_UMASK"):
        os.umask(int(mask, 8))
    # The engine hands over the stack's configuration, secrets in clear: neither the plugin nor what it starts needs it.
    for name in ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS"):
        os.environ.pop(name, None)
    os.dup2(1, 3)
    os.dup2(2, 1)
    os.set_inheritable(3, True)
    words = [sys.executable, "-I", "-m", "trainup.provider", "--output=3", *sys.argv[1:]]
    os.execv(sys.executable, words)
