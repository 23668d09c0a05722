"""The datasets: for each a learner that suits it."""

import argparse
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from fastai.vision.all import (
    ConvLayer,
    Flatten,
    ImageDataLoaders,
    Learner,
    PILImageBW,
    Resize,
    URLs,
    accuracy,
    aug_transforms,
    get_image_files,
    nn,
    resnet18,
    resnet34,
    resnet50,
    untar_data,
    vision_learner,
)
from sklearn.datasets import load_digits

T = TypeVar("T")
ARCHITECTURES = {"resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50}


# An exported learner is loaded where this module may be missing, so it must be made of fastai's and torch's parts
# alone: hence ready-made lists of labels here, and not the usual label functions.


def digits_learner(args: argparse.Namespace, device: torch.device) -> Learner:
    """A small convolutional net from scratch for scikit-learn's 1,797 handwritten digits of 8 x 8 pixels."""
    bunch = load_digits()
    images = [(pixels * (255 / 16)).astype("uint8") for pixels in bunch.images]
    dls = _loaders(
        args,
        device,
        list(zip(images, map(str, bunch.target), strict=True)),
        img_cls=PILImageBW,
        batch_tfms=aug_transforms(do_flip=False, max_warp=0.1, max_lighting=0, pad_mode="zeros"),
        # The images are tiny and in memory: to start a worker takes longer than an epoch.
        num_workers=args.workers or 0,
    )
    net = nn.Sequential(
        ConvLayer(1, 32),
        ConvLayer(32, 64, stride=2),
        ConvLayer(64, 128, stride=2),
        nn.AdaptiveAvgPool2d(1),
        Flatten(),
        nn.Dropout(0.1),
        nn.Linear(128, len(dls.vocab)),
    )
    return Learner(dls, net, metrics=accuracy)


def pets_learner(args: argparse.Namespace, device: torch.device) -> Learner:
    """A residual net that tells cats from dogs; files of cats have an upper-case first letter (Oxford-IIIT Pets)."""
    folder = (args.data or _downloaded(lambda: Path(untar_data(URLs.PETS)), "--data DIR")) / "images"
    items = [(file, "cat" if file.name[0].isupper() else "dog") for file in sorted(get_image_files(folder))]
    kinds = sorted({label for _, label in items})
    if len(kinds) < 2:
        raise ValueError(
            f"{folder} holds {len(items)} images ({', '.join(kinds) or 'none at all'}); it takes cats, in files "
            "with an upper-case first letter, and dogs, with a lower-case one: add what is missing, or leave --data out"
        )
    dls = _loaders(
        args,
        device,
        items,
        # Twice as large as needed: rotating and cropping a batch then shows no borders.
        item_tfms=Resize(2 * args.image_size),
        batch_tfms=aug_transforms(size=args.image_size, min_scale=0.75),
        num_workers=_usable_cores() if args.workers is None else args.workers,
    )
    return _downloaded(
        lambda: vision_learner(dls, ARCHITECTURES[args.arch], pretrained=args.pretrained, metrics=accuracy),
        "--no-pretrained",
    )


LEARNERS: dict[str, Callable[[argparse.Namespace, torch.device], Learner]] = {
    "digits": digits_learner,
    "pets": pets_learner,
}


def _downloaded(get: Callable[[], T], flag: str) -> T:
    try:
        return get()
    except OSError as error:  # what urllib raises is one
        raise ValueError(
            f"the download failed ({error}): get this machine onto the internet, or give {flag}"
        ) from error


def _loaders(
    args: argparse.Namespace, device: torch.device, items: list[tuple[Any, str]], **options: Any
) -> ImageDataLoaders:
    if args.max_images:
        items = random.Random(args.seed).sample(items, min(args.max_images, len(items)))
    images, labels = zip(*items, strict=True)
    return ImageDataLoaders.from_lists(
        ".",
        list(images),
        list(labels),
        valid_pct=0.2,
        seed=args.seed,
        bs=args.batch_size,
        device=device,
        **options,
    )


def _usable_cores() -> int:
    """Cores for this process, at most 8; those of the machine are shared with the other processes of torchrun."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
