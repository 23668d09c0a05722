"""What 2,000 runs cost that wait for one slot: memory and computing of everything that watches over them."""

import os
import time
from pathlib import Path

import psutil

from bench.measure import Row
from tests.support import processes
from trainup.core.spec import RunSpec
from trainup.jobs import lifecycle
from trainup.jobs.local.slots import Pool
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace
from trainup.jobs.target import Job, Owner

WAITING = 2_000
SECONDS = 30.0
"""Measured after the last run has come."""


def run(folder: Path) -> list[Row]:
    target = LocalTarget(Workspace(folder / "ws", folder))
    target.workspace.create()
    Pool(target.workspace, "gpu").configure(1, [])
    os.mkfifo(folder / "gate")
    lifecycle.start(target, _job(f"read line < '{folder / 'gate'}'", "first"))
    began = time.perf_counter()
    for number in range(WAITING):
        lifecycle.start(target, _job("true", f"run-{number}"))
    handing_over = (time.perf_counter() - began) / WAITING * 1000
    watching = [
        process
        for watcher in ("trainup.jobs.local.keeper", "trainup.jobs.local.supervisor")
        for process in processes.with_word(target.workspace.root, watcher)
    ]
    computed = _computed(watching)
    time.sleep(SECONDS)
    share = (_computed(watching) - computed) / SECONDS * 100
    memory = sum(process.memory_full_info().pss for process in watching) / 2**20
    processes.kill(watching)
    name = f"queue: {WAITING:,} runs wait"
    return [
        Row(name, "memory of all that watches", memory, "MiB", at_most=150),
        Row(name, "computing, of one processor", share, "%", at_most=2),
        Row(name, "processes", len(watching), ""),
        Row(name, "to start one", handing_over, "ms"),
    ]


def _job(script: str, run: str) -> Job:
    spec = RunSpec(command=("sh", "-c", script))
    return Job(run=run, spec=spec, digest=spec.digest(), owner=Owner(f"urn::{run}", f"token of {run}"), cluster="gpu")


def _computed(watching: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in watching)
