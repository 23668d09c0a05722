"""A report of invented runs, as a sweep would leave them."""

import math
import random
from typing import Any

from trainup.core.curves import Point
from trainup.core.failure import Failure, FailureClass
from trainup.core.git_state import GitState
from trainup.core.status import Status
from trainup.jobs import comparing
from trainup.jobs.target import Record
from trainup.report.content import Change, Report

GIT = GitState(
    "0123456789abcdef0123456789abcdef01234567", "main", "https://github.com/somebody/models.git", dirty=False
)


def trials(count: int) -> Report:
    """So many trials with four arguments and three metrics; one of ten has failed. Always the same."""
    chance = random.Random(7)
    records: list[Record] = []
    curves: dict[str, dict[str, list[Point]]] = {"accuracy": {}, "train_loss": {}, "valid_loss": {}}
    for number in range(count):
        rate, batch = 10 ** chance.uniform(-5, -1), chance.choice([16, 32, 64, 128])
        optimizer, drop = chance.choice(["adam", "adamw", "sgd"]), chance.uniform(0, 0.5)
        quality = 0.99 - 0.04 * (math.log10(rate) + 3) ** 2 - 0.1 * abs(drop - 0.2) + chance.gauss(0, 0.005)
        is_bad = number % 10 == 9
        name, minute = f"trial-{number:03}-6c3e449b{number:04x}", number // 2
        words = [
            "train.py",
            "--lr",
            f"{rate:.3g}",
            "--batch",
            str(batch),
            "--optimizer",
            optimizer,
            "--drop",
            f"{drop:.2f}",
        ]
        seconds = 60 + 4000 / batch
        record = Record(
            name, "trial" if count > 1 else "digits", name, 1, "d", Status.FAILED if is_bad else Status.COMPLETED,
            created=f"2026-11-28T{9 + minute // 60:02}:{minute % 60:02}:{number % 2 * 7:02}.000+00:00",
            phases={"queued": 3.0, "preparing": 40 if number % 7 else 360, "running": seconds, "finalizing": 4},
            metrics={} if is_bad else {"accuracy": quality, "train_loss": 1.2 - quality, "valid_loss": 1.3 - quality},
            failure=Failure(FailureClass.USER_CODE, "the command ended with exit code 1") if is_bad else None,
            command=words, git=GIT, node_price=3.06, cost=seconds * 3.06 / 3600,
            web_url=f"https://ml.azure.com/runs/{name}",
        )  # fmt: skip
        records.append(record)
        if number < 20 and not is_bad:
            for metric, lines in curves.items():
                end, noise = record.metrics[metric], 0.02
                lines[name] = [
                    (step, end + (1 if metric != "accuracy" else -0.6) * math.exp(-step / 15) + chance.gauss(0, noise))
                    for step in range(120)
                ]
    rows = comparing.of([(record, index < 8) for index, record in enumerate(records)])
    more: dict[str, Any] = {}
    if count > 1:
        told = (["train.py changed (+12 -3)"], ["arguments: --lr 0.1 → 0.01"], ["torch 2.8 → 2.9"])
        more = {
            "changes": [Change(records[1], records[0], *told)],
            "slow": [f"{records[0].name}: preparation (image pull) took 6 m 0 s, was 40.0 s in the last 5 runs"],
            "problems": ["the record in .trainup/dev/runs/fit-0123456789ab is damaged: move that folder away"],
        }
    return Report("dev", "2026-11-28 18:00:00+00:00", "0.1.0", rows, records, curves, **more)
