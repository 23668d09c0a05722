"""Starts `true` by submitit's local executor: `submitit_local.py FOLDER TRIALS AT_ONCE`; prints the seconds it took."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import submitit

folder, trials, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
executor = submitit.LocalExecutor(folder)
executor.update_parameters(timeout_min=10)


def train(number: int) -> int:
    return executor.submit(subprocess.check_call, ["true", str(number)]).result()


began = time.perf_counter()
with ThreadPoolExecutor(at_once) as pool:
    assert list(pool.map(train, range(trials))) == [0] * trials
print(time.perf_counter() - began)
