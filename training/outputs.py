"""The files a training leaves behind, each there whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from fastai.vision.all import Learner


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` at the end of the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".new-{path.name}")
    yield temporary
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(path)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Readable, and valid for every reader: infinities and NaN are refused."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n")


def export(learn: Learner, path: Path) -> None:
    """The whole learner, for fastai's `load_learner`."""
    with replacing(path) as temporary:
        learn.export(temporary.absolute())


def plot_confusion(learn: Learner, path: Path) -> None:
    """Which categories of the validation images are taken for which."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    # By hand: fastai's own interpretation asks the other processes of a distributed training, which are done by now.
    learn.model.eval()
    with torch.no_grad():
        batches = [(y.cpu(), learn.model(x).argmax(dim=1).cpu()) for x, y in learn.dls.valid]
    actual, predicted = (torch.cat(column).numpy() for column in zip(*batches, strict=True))
    categories = list(learn.dls.vocab)
    figure = Figure(figsize=(6, 6), layout="constrained")
    ConfusionMatrixDisplay.from_predictions(
        actual,
        predicted,
        labels=range(len(categories)),
        display_labels=categories,
        cmap="Blues",
        colorbar=False,
        ax=figure.subplots(),
    )
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
