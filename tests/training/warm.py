"""Runs scripts as `python script` and `python -c` do, each in a fork of a process that has imported fastai.

That import takes ten seconds, several times what most of these trainings do. It reads a JSON object per line from
standard input, runs its script to its end, and answers with a line: the exit code as `subprocess` gives it.
"""

import importlib
import json
import os
import runpy
import sys
from typing import Any


def serve() -> dict[str, Any] | None:
    """Answers requests. Returns one in each fork, which is to run it, and None in the parent at the end of them all."""
    for module in ("fastai.vision.all", "fastai.distributed", "sklearn.datasets"):
        importlib.import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return dict(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def run(request: dict[str, Any]) -> None:
    """Run the script of a request in this process."""
    words = request["words"]
    for descriptor, path in ((0, os.devnull), (1, request["stdout"]), (2, request["stderr"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(request["variables"])
    os.chdir(request["folder"])
    sys.path[0] = ""
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(words[1], {"__name__": "__main__"})
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__" and (asked := serve()):
    run(asked)
