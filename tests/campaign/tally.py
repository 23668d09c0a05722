"""What a campaign has counted."""

import threading
from collections import Counter

from tests.campaign.victim import problems_of_log
from trainup.core.status import Status
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import RunFolder


class Skipped(Exception):
    """This machine lacks what a part of the campaign needs; the text says what."""


class Tally:
    """Kills, and what they have done."""

    def __init__(self) -> None:
        self.kills = self.digests = self.attempts = self.starts = 0
        self.hit: Counter[str] = Counter()
        """What was hit, or when, as far as a part tells it."""
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.logs: list[str] = []
        self.left: list[str] = []
        """Runs that outlived their resource, and processes that outlived their run."""
        self.stuck: list[str] = []
        """Stacks that our own next command did not bring in order."""
        self.lock = threading.Lock()

    def killed(self, what: str = "") -> None:
        with self.lock:
            self.kills += 1
            self.hit += Counter([what] if what else [])

    def ended(
        self,
        target: LocalTarget,
        run_id: str,
        starts: list[str],
        *,
        status: Status = Status.COMPLETED,
        once: bool = False,
    ) -> None:
        """Compare the ledger with what the script itself wrote down.

        The last attempt has to have this status; `once`: nothing was a reason to start the script again.
        """
        with self.lock:
            self.digests += 1
            attempts = target.attempts(run_id)
            self.attempts += len(attempts)
            self.starts += len(starts)
            if not attempts or attempts[-1].status is not status:
                self.lost.append(f"{run_id}: {[str(item.status) for item in attempts]}")
            names = {item.name for item in attempts}
            self.doubled += [
                f"{name} was started {starts.count(name)} times" for name in names if starts.count(name) > 1
            ]
            self.lost += [f"{name} is in no record" for name in set(starts) - names]
            completed = [item for item in attempts if item.status is Status.COMPLETED]
            self.doubled += [f"{run_id} completed {len(completed)} times"] if len(completed) > 1 else []
            self.doubled += (
                [f"{run_id}: its script was started {len(starts)} times"] if once and len(starts) > 1 else []
            )
            for item in attempts:
                file = RunFolder(target.workspace.runs / item.name).log
                log = file.read_text().splitlines() if file.exists() else []  # killed before it began
                complete = item.status is Status.COMPLETED
                self.logs += [f"{item.name}: {text}" for text in problems_of_log(log, complete=complete)]

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.logs or self.left or self.stuck)

    def __str__(self) -> str:
        lines = [
            f"{self.kills} kills, {self.digests} digests, {self.attempts} attempts, {self.starts} started scripts",
            f"lost {len(self.lost)}, doubled {len(self.doubled)}, wrong logs {len(self.logs)}, left {len(self.left)}, "
            f"stacks that needed a hand {len(self.stuck)}",
            *([f"hit: {', '.join(f'{what} {count}' for what, count in sorted(self.hit.items()))}"] if self.hit else []),
            *self.lost,
            *self.doubled,
            *self.logs,
            *self.left,
            *self.stuck,
        ]
        return "\n".join(lines)
