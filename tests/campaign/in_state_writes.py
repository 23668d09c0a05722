"""Kills of the CLI at its N-th system call on the files of the stack's state, by strace."""

import random
import shutil
import signal
from pathlib import Path

from tests.campaign.stacks import Stack, campaign
from tests.campaign.tally import Skipped, Tally
from tests.support.checkout import Checkout

KILLS_PER_STACK = 3
SKIPS_CHECKPOINTS = "PULUMI_SKIP_CHECKPOINTS"
"""With it, the CLI writes the state at the end alone, or when it is interrupted."""
ON_FILES = {"openat": 4, "write": 2, "close": 4, "renameat": 2}
"""System call on a named file → at which of these calls in one thread of the CLI it may die; some threads do more."""
FILES = ("{}.json", "{}.json.attrs", "{}.json.bak", "{}.json.bak.attrs")
ON_ANY_FILE = {"renameat": 6, "unlinkat": 12, "mkdirat": 6, "openat": 30, "write": 50}
"""The same for all that the CLI does: locks, history and backups have names that nobody knows before."""


def run(folder: Path, seed: int, kills: int) -> Tally:
    """Each stack gets some kills, all in commands of ours, and then an `up` that has to succeed."""
    if shutil.which("strace") is None:
        raise Skipped("strace is not installed")
    return campaign(folder, seed, kills, "writes", _one_stack)


def _one_stack(checkout: Checkout, name: str, chance: random.Random, tally: Tally) -> None:
    stack = Stack(checkout, name)
    states = checkout.folder / ".trainup" / "backend" / ".pulumi" / "stacks" / "trainup"
    once = chance.random() < 0.5
    mode = {SKIPS_CHECKPOINTS: "true" if once else "false"}
    for number in range(KILLS_PER_STACK):
        log = checkout.folder / f"strace-{name}-{number}"
        words, what = _killing(chance, states, name, log, once)
        if stack.start("up", under=words, **mode).finish().code != -signal.SIGKILL:
            break  # it did not come as far as that call, and has nothing left to write
        tally.killed(what)
    if stack.comes_to_its_end(tally):
        stack.is_removed(tally)


def _killing(chance: random.Random, states: Path, stack: str, log: Path, once: bool) -> tuple[list[str], str]:
    """The command under which the CLI dies, and where it does. `once`: it writes the state once."""
    if chance.random() < 0.7:
        call, most = chance.choice(list(ON_FILES.items()))
        file = chance.choice(FILES)
        path, what = ["-P", str(states / file.format(stack))], f"{call} of {file.format('STACK')}"
    else:
        call, most = chance.choice(list(ON_ANY_FILE.items()))
        path, what = [], f"{call} of any file"
    number = chance.randint(1, (most + 1) // 2 if once else most)
    # What the CLI starts is left alone from its `execve` on.
    words = ["strace", "-f", "-b", "execve", "-qq", "-o", str(log), "-e", f"trace={call}", *path]
    return [*words, "-e", f"inject={call}:signal=SIGKILL:when={number}"], what
