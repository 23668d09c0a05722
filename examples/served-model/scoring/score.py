"""Answers which digits are on images of 8 by 8 pixels; the same file serves on Azure ML."""

import json
import os

import joblib
import numpy


def init():
    """Load the model; once for each process."""
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))


def run(raw_data):
    """The digits on a batch of images, `{"data": [[64 numbers from 0 to 16], …]}`."""
    images = numpy.array(json.loads(raw_data)["data"], dtype=float)
    return model.predict(images / 16).tolist()
