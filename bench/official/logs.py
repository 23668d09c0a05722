"""The official client submits a folder as a command job and prints its log, on a clock that runs faster than ours.

python logs.py FACTOR ADDRESS WORKSPACE CLUSTER ENVIRONMENT FOLDER
"""

import sys
import time

from azure.ai.ml.operations import _job_ops_helper
from client import submit

factor = float(sys.argv[1])


class Clock:
    """What the client takes for `time`: it counts pauses in whole seconds, and cannot be told to make them shorter."""

    @staticmethod
    def time() -> float:
        return time.time() * factor

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(seconds / factor)


ml, name = submit(*sys.argv[2:])
_job_ops_helper.time = Clock
ml.jobs.stream(name)
