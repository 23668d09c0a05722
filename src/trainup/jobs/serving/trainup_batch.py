"""Scores the records of a folder or file with an entry script, as an endpoint would: `init()` once, `run()` for each.

It runs in the environment of the model and imports nothing of trainup there: `jobs/serving/batch.py` puts the text of
`trainup_entry` before it, which has `load`. A file `*.jsonl` has a request body on each line, any other file is one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainup.jobs.serving.trainup_entry import load

PREDICTIONS = "predictions.jsonl"
MOST_TOLD = 10
"""How many refused records the log shows; all are among the predictions."""


def records(data: Path) -> Iterator[tuple[str, str]]:
    """(place, body) of each record, by name of the file."""
    files = sorted(path for path in data.rglob("*") if path.is_file()) if data.is_dir() else [data]
    for path in files:
        name = path.relative_to(data).as_posix() if path != data else path.name
        if path.suffix != ".jsonl":
            yield name, path.read_text(encoding="utf-8")
            continue
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{name}:{number}", line


def answer_of(answer: Any) -> Any:
    """What `run()` returned, as JSON takes it; of anything else, such as an array, its own list or text."""
    try:
        json.dumps(answer)
    except (TypeError, ValueError):
        return answer.tolist() if hasattr(answer, "tolist") else str(answer)
    return answer


def score(script: str, data: str, model: str | None = None) -> None:
    """Write `predictions.jsonl` and `metrics.json` into the outputs. Raises what the script raises, but ValueErrors.

    A ValueError refuses one record, as it does at an endpoint; SystemExit where all records are refused, or none is
    there.
    """
    if model is not None:
        os.environ["AZUREML_MODEL_DIR"] = model
    outputs = Path(os.environ.get("TRAINUP_OUTPUT_DIR", "outputs"))
    outputs.mkdir(parents=True, exist_ok=True)
    module = load(os.path.abspath(script))
    module.init()
    began, scored, refused = time.monotonic(), 0, 0
    unfinished = outputs / f".{PREDICTIONS}"
    with unfinished.open("w", encoding="utf-8") as file:
        for place, body in records(Path(data)):
            try:
                line = {"record": place, "prediction": answer_of(module.run(body))}
                scored += 1
            except ValueError as error:
                line = {"record": place, "error": f"{type(error).__name__}: {error}"}
                refused += 1
                if refused <= MOST_TOLD:
                    print(f"{place} was refused: {line['error']}", flush=True)
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    unfinished.replace(outputs / PREDICTIONS)
    seconds = round(time.monotonic() - began, 3)
    counts = {"records": scored + refused, "scored": scored, "refused": refused, "seconds": seconds}
    (outputs / "metrics.json").write_text(json.dumps(counts))
    print(f"{scored} of {scored + refused} records were scored: {PREDICTIONS}", flush=True)
    if not scored:
        why = f"all of its {refused} records were refused" if refused else "there is no record"
        sys.exit(f"{why}: the data has files *.jsonl, with a request body on each line, or files with one body each")


if __name__ == "__main__":
    score(*sys.argv[1:])
