"""Trains as long as its epochs say, and leaves a metric."""

import argparse
import json
import os

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
epochs = parser.parse_args().epochs
for epoch in range(1, epochs + 1):
    print(f"epoch {epoch}/{epochs}")
with open(os.path.join(os.environ["TRAINUP_OUTPUT_DIR"], "metrics.json"), "w") as file:
    json.dump({"loss": 1 / epochs, "token": len(os.environ.get("TOKEN", ""))}, file)
