"""The script the campaigns train with, and what its log has to look like."""

from collections.abc import Sequence
from pathlib import Path

LINES = 40
SCRIPT = f"""\
import os, sys, time
with open(sys.argv[1], "a") as starts:
    starts.write(os.environ["TRAINUP_RUN"] + "\\n")
os.environ[sys.argv[2] if len(sys.argv) > 2 else "PATH"]  # a secret that has to be there
for number in range({LINES}):
    print(f"line {{number}}", flush=True)
    time.sleep(0.04)  # the work of a step
"""
ENDLESS = f"{SCRIPT}time.sleep(3_000)\n"
FAILING_TWICE = f"""\
{SCRIPT}starts = len(open(sys.argv[1]).readlines())
open("outputs/metrics.json", "w").write(f'{{{{"starts": {{starts}}}}}}')
sys.exit(starts < 3)
"""
FORGETFUL = """\
import subprocess
for command in (
    "env -i sleep MARK & ",
    "env -i setsid sleep MARK &",
    "cd / && (env -i setsid sh -c 'sleep MARK & sleep MARK &' &)",
):
    subprocess.run(command, shell=True)
"""
"""Before SCRIPT: children that know nothing of the run any more. MARK is a number of seconds by which to tell them."""


def heard_of(lines: Sequence[str]) -> list[str]:
    """What of these the script has printed."""
    return [line for line in lines if line.startswith("line ")]


def problems_of_log(log: Sequence[str], *, complete: bool) -> list[str]:
    """What is wrong with an attempt's log: every line once and in order, all of them if it completed."""
    found = []
    if list(log) != [f"line {number}" for number in range(len(log))]:
        found.append(f"lines lost, doubled or out of order: {log}")
    if complete and len(log) != LINES:
        found.append(f"{len(log)} of {LINES} lines")
    return found


def starts_of(file: Path) -> list[str]:
    """Names of the attempts whose script was started, one entry per start."""
    return file.read_text().splitlines() if file.exists() else []
