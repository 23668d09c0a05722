"""Tells hand-written digits apart."""

import json
import os

import joblib
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

pixels, digits = load_digits(return_X_y=True)
train_pixels, test_pixels, train_digits, test_digits = train_test_split(pixels / 16, digits, random_state=0)
model = LogisticRegression(max_iter=200).fit(train_pixels, train_digits)
accuracy = model.score(test_pixels, test_digits)
print(f"accuracy {accuracy:.3f}")
outputs = os.environ["TRAINUP_OUTPUT_DIR"]
joblib.dump(model, os.path.join(outputs, "model.joblib"))
with open(os.path.join(outputs, "metrics.json"), "w") as file:
    json.dump({"accuracy": accuracy}, file)
