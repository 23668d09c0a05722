"""Tells the kinds of iris apart."""

import argparse
import json
import os

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

parser = argparse.ArgumentParser()
parser.add_argument("--c", type=float, default=1.0)
c = parser.parse_args().c
features, kinds = load_iris(return_X_y=True)
scores = cross_val_score(LogisticRegression(C=c, max_iter=500), features, kinds)
print(f"accuracy {scores.mean():.3f}")
with open(os.path.join(os.environ["TRAINUP_OUTPUT_DIR"], "metrics.json"), "w") as file:
    json.dump({"accuracy": scores.mean()}, file)
