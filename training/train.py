"""Trains an image classifier with fastai: handwritten digits, or cats against dogs.

    python train.py                              anywhere: digits, no GPU, no download, seconds
    python train.py --dataset pets               on a GPU: resnet34 on Oxford-IIIT Pets, which it downloads
    torchrun --nproc-per-node 4 train.py …       on four GPUs (or with gloo on four cores)

The output folder then holds model.pkl (for fastai's `load_learner`), metrics.json, config.json, confusion.png and the
checkpoint from which the same command goes on after it was killed.
"""

import argparse
import os
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastai.vision.all import Callback, Learner

    from loop import Progress
    from machine import Machine

# A flag left out takes its value from here; one that a dataset does not list means nothing for it.
DEFAULTS: dict[str, dict[str, Any]] = {
    "digits": {"epochs": 12, "batch_size": 64, "lr": 0.01},
    "pets": {
        "arch": "resnet34",
        "pretrained": True,
        "image_size": 224,
        "epochs": 1,
        "freeze_epochs": 1,
        "batch_size": 64,
        "lr": 0.002,
    },
}
PETS_ONLY = ("data", *(DEFAULTS["pets"].keys() - DEFAULTS["digits"].keys()))
SMALLEST = {"image_size": 32, "max_images": 0, "epochs": 1, "freeze_epochs": 0, "batch_size": 2}


def train(args: argparse.Namespace) -> None:
    """Trains as `args` say. ValueError, with what to do, for what cannot be trained."""
    # Imported here, not above: fastai takes seconds, and a wrong flag shall be told at once.
    from fastai.distributed import distrib_barrier, teardown_distrib
    from fastai.vision.all import MixedPrecision, ProgressCallback, set_seed

    from data import LEARNERS
    from loop import Checkpoint, LogEpoch, Progress, SeedEpoch, read_checkpoint, restore
    from machine import join_machine
    from outputs import export, plot_confusion, write_json
    from tracking import tracker_for

    machine = join_machine()
    machine.say(f"training on {machine.description}")
    set_seed(args.seed)
    if machine.local_rank:
        distrib_barrier()  # until the first process of this machine has downloaded what there is to download
    learn = LEARNERS[args.dataset](args, machine.device)
    if not machine.local_rank:
        distrib_barrier()
    learn.remove_cb(ProgressCallback)  # instead of a moving bar one line per epoch, which any log can keep
    settings = settings_of(args, learn, machine)
    machine.say("settings " + ", ".join(f"{name}={value}" for name, value in settings.items()))

    checkpoint = args.checkpoints / "last.pt"
    state, reason = machine.agree(lambda: read_checkpoint(checkpoint, settings))
    machine.say(reason)
    progress = Progress()
    if state:
        restore(learn, progress, state)

    phases = schedule(args)
    tracker = tracker_for(machine.is_main)
    tracker.params(settings)
    for row in progress.history:
        tracker.metrics(row)  # a new attempt of a killed run has a page of its own
    callbacks = [
        SeedEpoch(progress, args.seed, machine.rank),
        LogEpoch(progress, sum(phase.epochs for phase in phases), tracker, machine.say),
    ]
    if machine.is_main:
        callbacks.append(Checkpoint(progress, checkpoint, settings))
    if machine.precision != "fp32":
        callbacks.append(MixedPrecision(amp_mode=machine.precision))
    on_cpu = machine.device.type == "cpu"
    with learn.no_logging(), learn.distrib_ctx(sync_bn=not on_cpu, cpu=on_cpu):
        fit(learn, phases, progress, callbacks)
    teardown_distrib()
    if not machine.is_main:
        return

    export(learn, args.output / "model.pkl")
    plot_confusion(learn, args.output / "confusion.png")
    write_json(args.output / "config.json", settings)
    write_json(args.output / "metrics.json", progress.history[-1].metrics)
    tracker.artifact(args.output / "confusion.png")
    machine.say(
        f"done: accuracy {progress.history[-1].metrics['accuracy']:.4f} after {len(progress.history)} epochs and "
        f"{progress.steps} steps; model, metrics and plot are in {args.output}"
    )


@dataclass(frozen=True)
class Phase:
    """Epochs under one schedule of the learning rate."""

    epochs: int
    lr: float | slice
    frozen: bool = False
    """Trains the head alone."""
    options: dict[str, float] = field(default_factory=dict)


def schedule(args: argparse.Namespace) -> list[Phase]:
    """One cycle; for a pretrained model first one for its new head, as in fastai's `fine_tune`."""
    if not args.pretrained:
        return [Phase(args.epochs, args.lr)]
    return [
        Phase(args.freeze_epochs, slice(args.lr), frozen=True, options={"pct_start": 0.99}),
        Phase(args.epochs, slice(args.lr / 200, args.lr / 2), options={"pct_start": 0.3, "div": 5.0}),
    ]


def fit(learn: "Learner", phases: list[Phase], progress: "Progress", callbacks: list["Callback"]) -> None:
    """The epochs of `phases` that `progress` lacks, each at its place in the schedule."""
    reached = 0
    for phase in phases:
        done = min(max(len(progress.history) - reached, 0), phase.epochs)
        reached += phase.epochs
        if done == phase.epochs:
            continue
        if phase.frozen:
            learn.freeze()
        else:
            learn.unfreeze()
        if done:
            learn.opt.load_state_dict(progress.optimizer)  # not before: to freeze or unfreeze has cleared it
        learn.fit_one_cycle(phase.epochs, phase.lr, start_epoch=done, cbs=callbacks, **phase.options)
        if len(progress.history) < reached:
            raise ValueError(
                f"the loss was no finite number after epoch {len(progress.history) + 1}: try a lower --lr; the same "
                "command would go on from the epoch before"
            )


def settings_of(args: argparse.Namespace, learn: "Learner", machine: "Machine") -> dict[str, Any]:
    """All that the result depends on: a checkpoint fits only where these are the same."""
    images, held_back = len(learn.dls.train_ds), len(learn.dls.valid_ds)
    if images // machine.world_size < args.batch_size or not held_back:
        raise ValueError(
            f"{images} training and {held_back} validation images are too few for --batch-size {args.batch_size} in "
            f"{machine.world_size} processes: give more images or a smaller --batch-size"
        )
    return {
        "dataset": args.dataset,
        **{name: getattr(args, name) for name in DEFAULTS[args.dataset]},
        "seed": args.seed,
        "training_images": images,
        "validation_images": held_back,
        "categories": " ".join(learn.dls.vocab),
        "precision": machine.precision,
        "processes": machine.world_size,
    }


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """All settings, resolved. Mistakes are told together on standard error; the exit code is then 2."""
    parser = argparse.ArgumentParser(
        description="Train an image classifier with fastai, on this machine or as a submitted run.",
        epilog="MLFLOW_TRACKING_URI and MLFLOW_RUN_ID together say which MLflow run gets parameters and metrics.",
    )

    data = parser.add_argument_group("data")
    data.add_argument("--dataset", choices=tuple(DEFAULTS), default="digits", help="default: digits")
    data.add_argument("--data", type=Path, metavar="DIR", help="holds images/*.jpg, cats upper-case; default: download")
    data.add_argument("--image-size", type=int, metavar="PIXELS", help=_default("image_size"))
    data.add_argument("--max-images", type=int, default=0, metavar="N", help="use only so many; default: 0, for all")
    data.add_argument("--workers", type=int, metavar="N", help="processes that load images; default: as suits")

    model = parser.add_argument_group("model")
    model.add_argument("--arch", choices=("resnet18", "resnet34", "resnet50"), help=_default("arch"))
    model.add_argument(
        "--pretrained",
        action=argparse.BooleanOptionalAction,
        help=f"start from ImageNet weights, which it downloads; {_default('pretrained')}",
    )

    training = parser.add_argument_group("training")
    training.add_argument("--epochs", type=int, metavar="N", help=_default("epochs"))
    training.add_argument(
        "--freeze-epochs",
        type=int,
        metavar="N",
        help=f"before them, for the head of a pretrained model alone; {_default('freeze_epochs')}",
    )
    training.add_argument("--batch-size", type=int, metavar="N", help=f"of each process; {_default('batch_size')}")
    training.add_argument("--lr", type=float, metavar="RATE", help=f"highest learning rate; {_default('lr')}")
    training.add_argument("--seed", type=int, default=42, metavar="N", help="default: 42")

    output = parser.add_argument_group("output")
    output.add_argument(
        "--output",
        type=Path,
        default=Path(os.environ.get("TRAINUP_OUTPUT_DIR") or "outputs"),
        metavar="DIR",
        help="default: $TRAINUP_OUTPUT_DIR, else ./outputs",
    )
    output.add_argument(
        "--checkpoints",
        type=Path,
        default=os.environ.get("TRAINUP_CHECKPOINT_DIR") or None,
        metavar="DIR",
        help="default: $TRAINUP_CHECKPOINT_DIR, else checkpoints in the output folder",
    )

    args = parser.parse_args(argv)
    if problems := _problems(args):
        parser.error("; ".join(problems))
    for name, default in DEFAULTS[args.dataset].items():
        if getattr(args, name) is None:
            setattr(args, name, default)
    args.checkpoints = args.checkpoints or args.output / "checkpoints"
    return args


def _problems(args: argparse.Namespace) -> list[str]:
    given = {f"--{name.replace('_', '-')}": (name, value) for name, value in vars(args).items() if value is not None}
    problems = [
        f"{flag} is for --dataset pets and means nothing for {args.dataset}: leave it out"
        for flag, (name, _) in given.items()
        if name in PETS_ONLY and args.dataset != "pets"
    ]
    problems += [
        f"{flag} {value} is too small: give {SMALLEST[name]} or more"
        for flag, (name, value) in given.items()
        if name in SMALLEST and value < SMALLEST[name]
    ]
    if args.lr is not None and not 0 < args.lr < 10:
        problems.append(f"--lr {args.lr} is no learning rate: give a number above 0 and below 10")
    if args.data is not None and not (args.data / "images").is_dir():
        problems.append(f"--data {args.data} holds no folder images: give the folder that has images/*.jpg")
    return problems


def _default(name: str) -> str:
    values = {dataset: defaults[name] for dataset, defaults in DEFAULTS.items() if name in defaults}
    return "default: " + ", ".join(f"{value} ({dataset})" for dataset, value in values.items())


if __name__ == "__main__":
    # fastai is compiled by a means that torch has deprecated; nothing here can change that.
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    arguments = parse_args()
    try:
        train(arguments)
    except ValueError as error:
        sys.exit(f"train.py: {error}")
