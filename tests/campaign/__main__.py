"""`make kill-campaign SEED=n`: prints the seed and the counts; the exit code is 1 if anything was lost or doubled."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.campaign.parts import PARTS, Part
from tests.campaign.tally import Skipped, Tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="make kill-campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--total", type=int, help="kills in all, shared out to the kinds that have no number of theirs")
    for part in PARTS:
        parser.add_argument(part.option, type=int, dest=part.name, help=f"{part.help} (default: {part.kills})")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    tallies = []
    for part in PARTS:
        kills = getattr(options, part.name)
        if kills is None:
            kills = part.kills if options.total is None else -(-options.total * part.of_1000 // 1000)
        if kills and (tally := _counted(part, options.seed, kills)):
            tallies.append(tally)
    stuck = sum(len(tally.stuck) for tally in tallies)
    clean = all(tally.is_clean for tally in tallies)
    print(f"{sum(tally.kills for tally in tallies)} kills; stacks that needed a hand: {stuck}")
    print("nothing was lost or doubled" if clean else "SOMETHING WAS LOST OR DOUBLED, OR NEEDED A HAND")
    return 0 if clean else 1


def _counted(part: Part, seed: int, kills: int) -> Tally | None:
    """What came of one kind; None where this machine cannot do it."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trainup-kills-") as folder:
        try:
            tally = part.run(Path(folder), seed, kills, **part.more)
        except Skipped as skipped:
            print(f"{part.name}: left out: {skipped}", flush=True)
            return None
    print(f"{part.name}: {tally}\n{part.name}: {time.monotonic() - started:.0f} s", flush=True)
    return tally


if __name__ == "__main__":
    sys.exit(main())
