"""Simulates Azure on this machine until it is interrupted, and prints the environment variables to use it.

    python -m trainup.simulator [--folder DIR] [--sample] [--scale FACTOR] [--gpu-quota CORES]

With these variables in another shell, `pulumi`, `az`, the SDKs and `trainup` use this Azure instead of the real one.
"""

import argparse
import os
import shlex
import signal
import sys
import threading
from pathlib import Path

from trainup.core import network
from trainup.simulator import extra
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.clock import REAL, Clock, Latency
from trainup.simulator.cloud.sample import furnish
from trainup.simulator.rehearsal import rehearsal


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainup.simulator", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--folder", type=Path, help="folder for bodies/, requests.jsonl and jobs/; default: none")
    parser.add_argument("--sample", action="store_true", help="begin with a workspace, a cluster and an environment")
    parser.add_argument(
        "--scale",
        type=float,
        default=0,
        metavar="FACTOR",
        help="duration of operations: 1 as on Azure, 0 none (default)",
    )
    parser.add_argument(
        "--gpu-quota",
        type=int,
        default=0,
        metavar="CORES",
        help="quota of each GPU family in cores; default: 0, as in a new subscription",
    )
    options = parser.parse_args(arguments)
    try:
        extra.check()
    except extra.MissingExtra as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    os.environ |= network.direct(os.environ)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    azure = Azure(
        bodies=options.folder and options.folder / "bodies",
        latency=REAL if options.scale else Latency(),
        clock=Clock(options.scale),
    )
    azure.quota.gpu_cores = options.gpu_quota
    azure.journal.path = options.folder and options.folder / "requests.jsonl"
    with rehearsal(options.folder, azure=azure) as running:
        for name, value in running.variables.items():
            print(f"export {name}={shlex.quote(value)}")
        if options.sample:
            print(f"# workspace: {furnish(azure).workspace}")
        sys.stdout.flush()
        over.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
