"""`make bench`: every claim about speed, measured beside its alternative and its floor in the same run.

Promises are made for a machine that has nothing else to do.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

from bench import (
    azure,
    commands,
    create,
    endpoint,
    load,
    logs,
    memory,
    previews,
    queue,
    records,
    rehearsal,
    side_by_side,
    snapshots,
    start,
    submit,
    sweep,
    up,
)
from bench.measure import Row, table

BENCHMARKS = {
    "create": create.run,
    "up": up.run,
    "commands": commands.run,
    "previews": previews.run,
    "azure": azure.run,
    "submit": submit.run,
    "logs": logs.run,
    "start": start.run,
    "rehearsal": rehearsal.run,
    "snapshots": snapshots.run,
    "memory": memory.run,
    "queue": queue.run,
    "records": records.run,
    "sweep": sweep.run,
    "side_by_side": side_by_side.run,
    "load": load.run,
    "endpoint": endpoint.run,
}
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run all benchmarks or those named; the exit code is 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all when none is given")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="trainup-bench-") as folder:
            print(f"{name} …", flush=True)
            rows += BENCHMARKS[name](Path(folder))
    print(table(rows))
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    result = {"version": 1, "time": time.time(), "machine": machine, "rows": [item.to_dict() for item in rows]}
    path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps(result, indent=2))
    print(f"written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    broken = [item for item in rows if item.kept is False]
    for item in broken:
        print(f"broken: {item.benchmark}, {item.contestant}: {item.promise} is promised", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
