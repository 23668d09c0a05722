"""What happens around the epochs: their seeds, their line in the log, their checkpoint."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from fastai.vision.all import Callback, CancelFitException, Learner, get_model, set_seed, to_device

from outputs import replacing
from tracking import NullTracker, Row


@dataclass
class Progress:
    """What has been trained so far, by this process or by one that was killed."""

    history: list[Row] = field(default_factory=list)
    """A row for each finished epoch."""
    steps: int = 0
    """Steps of the optimizer."""
    optimizer: dict[str, Any] | None = None
    """Its state at the end of the last epoch of a killed process."""


class SeedEpoch(Callback):
    """Makes an epoch depend on its number alone, so that it comes out the same in a resumed training."""

    order = 0  # before_fit comes before fastai wraps the loaders for distributed training (11)

    def __init__(self, progress: Progress, seed: int, rank: int) -> None:
        self.progress, self.seed, self.rank = progress, seed, rank

    def before_fit(self) -> None:
        self.train_loader = self.dls.train

    def before_epoch(self) -> None:
        seed = self.seed + len(self.progress.history)
        self.train_loader.rng.seed(seed)  # the order of the images: the same in all processes
        set_seed(seed + 1_000_003 * self.rank)  # augmentation and dropout: different in each


class LogEpoch(Callback):
    """Puts a row of metrics per epoch into the progress, on standard output and into the tracker."""

    order = 80  # after fastai's Recorder (50), and after SkipToEpoch (70), which ends the epochs that are done already

    def __init__(self, progress: Progress, epochs: int, tracker: NullTracker, say: Callable[[str], None]) -> None:
        self.progress, self.epochs, self.tracker, self.say = progress, epochs, tracker, say
        self.started: float | None = None

    def before_epoch(self) -> None:
        self.started = time.perf_counter()

    def after_step(self) -> None:
        self.progress.steps += 1

    def after_epoch(self) -> None:
        if self.started is None:
            return  # it was skipped
        names, values = self.recorder.metric_names[1:], map(float, self.recorder.values[-1])
        metrics = dict(zip(names, values, strict=False))  # the last name is the time's, which has no value here
        metrics |= {"epoch_seconds": time.perf_counter() - self.started, "steps": self.progress.steps}
        row = Row(len(self.progress.history) + 1, time.time_ns() // 1_000_000, metrics)
        numbers = "  ".join(f"{name} {metrics[name]:.4f}" for name in ("train_loss", "valid_loss", "accuracy"))
        self.say(f"epoch {row.epoch:3}/{self.epochs}  {numbers}  {metrics['epoch_seconds']:.1f} s")
        self.tracker.metrics(row)
        if not math.isfinite(metrics["train_loss"] + metrics["valid_loss"]):
            raise CancelFitException  # the row is missing in the history then, which tells the caller
        self.progress.history.append(row)


class Checkpoint(Callback):
    """Saves after each epoch all that the next one depends on, in one file that is whole at any moment."""

    order = 90  # after LogEpoch

    def __init__(self, progress: Progress, path: Path, settings: Mapping[str, Any]) -> None:
        self.progress, self.path, self.settings = progress, path, dict(settings)
        self.saved = len(progress.history)

    def after_epoch(self) -> None:
        if len(self.progress.history) == self.saved:
            return  # it was skipped
        optimizer = self.opt.state_dict()
        with replacing(self.path) as temporary:
            torch.save(
                {
                    "settings": self.settings,
                    "history": [asdict(row) for row in self.progress.history],
                    "steps": self.progress.steps,
                    "model": get_model(self.learn.model).state_dict(),
                    "optimizer": list(optimizer["state"]),
                    # Plain numbers, so that the file can be read without trusting it.
                    "hypers": [{name: float(value) for name, value in group.items()} for group in optimizer["hypers"]],
                },
                temporary,
            )
        self.saved = len(self.progress.history)


def read_checkpoint(path: Path, settings: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """What to go on from, if anything, and why so in words."""
    if not path.exists():
        return None, f"starting at the beginning: no checkpoint in {path.parent}"
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        kept = state["settings"]
    except Exception as error:  # torch has a different one for each kind of damage
        return None, f"starting at the beginning: {path} is no readable checkpoint ({error})"
    other = [f"{name} {kept.get(name)}, now {value}" for name, value in settings.items() if kept.get(name) != value]
    if other:
        return None, f"starting at the beginning: {path} was trained with {'; '.join(other)}"
    return state, f"going on after epoch {len(state['history'])} of {path}"


def restore(learn: Learner, progress: Progress, state: Mapping[str, Any]) -> None:
    """Puts learner and progress where they were when `state` was saved."""
    learn.model.load_state_dict(state["model"])
    progress.history, progress.steps = [Row(**row) for row in state["history"]], state["steps"]
    progress.optimizer = {"state": to_device(state["optimizer"], learn.dls.device), "hypers": state["hypers"]}
