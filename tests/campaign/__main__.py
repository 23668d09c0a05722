"""`make kill-campaign SEED=n`: prints the seed and the counts; the exit code is 1 if anything was lost or doubled."""

import argparse
import random
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.campaign import on_azure, on_engine, on_engine_azure, over_grpc


def main() -> int:
    parser = argparse.ArgumentParser(prog="make kill-campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--kills", type=int, default=200, help="over gRPC (default: %(default)s)")
    parser.add_argument("--azure-kills", type=int, default=200, help="at requests to Azure (default: %(default)s)")
    parser.add_argument("--engine-kills", type=int, default=10, help="of the CLI (default: %(default)s)")
    parser.add_argument("--azure-engine-kills", type=int, default=10, help="the same on Azure (default: %(default)s)")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    clean = True
    campaigns = (
        ("gRPC", over_grpc.run, options.kills),
        ("Azure", on_azure.run, options.azure_kills),
        ("engine", partial(on_engine.run, tracking="server"), options.engine_kills),
        ("engine on Azure", on_engine_azure.run, options.azure_engine_kills),
    )
    for name, campaign, kills in campaigns:
        if not kills:
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="trainup-kills-") as folder:
            tally = campaign(Path(folder), options.seed, kills)
        print(f"{name}: {tally}\n{name}: {time.monotonic() - started:.0f} s", flush=True)
        clean = clean and tally.is_clean
    print("nothing was lost or doubled" if clean else "SOMETHING WAS LOST OR DOUBLED")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
