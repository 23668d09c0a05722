"""Fits a line to points, in place of your training."""

import argparse
import json
import os
import random


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    epochs = parser.parse_args().epochs
    points = [(x, 3 * x + random.Random(x).gauss(0, 1)) for x in range(20)]
    slope = 0.0
    for epoch in range(1, epochs + 1):
        gradient = sum((slope * x - y) * x for x, y in points) / len(points)
        slope -= 0.005 * gradient
        loss = sum((slope * x - y) ** 2 for x, y in points) / len(points)
        print(f"epoch {epoch}/{epochs}  loss {loss:.4f}", flush=True)
    with open(os.path.join(os.environ["TRAINUP_OUTPUT_DIR"], "metrics.json"), "w") as file:
        json.dump({"loss": loss, "slope": slope}, file)


if __name__ == "__main__":
    main()
