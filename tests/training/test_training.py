"""Trainings as a user starts them, in the environment that trainup builds for them.

Their first result, and two processes that train one model, are in `tests/engine/test_digits.py`.
"""

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Folder

# The first of them builds the environment.
pytestmark = [pytest.mark.training, pytest.mark.timeout(1800)]

SHORT = ("--max-images", "640", "--epochs", "4")
STEPS_PER_EPOCH = 512 // 64


def epochs_in(log: str) -> list[int]:
    """The epochs that have a line, in order."""
    return [int(number) for number in re.findall(r"^epoch +(\d+)/", log, re.MULTILINE)]


def metrics_of(folder: Path) -> dict[str, float]:
    return dict(json.loads((folder / "metrics.json").read_text()))


def test_the_model_loads_without_the_code_and_nothing_is_tracked_unasked(folder: Folder, tmp_path: Path) -> None:
    script = (
        "import runpy, sys; sys.argv = ['train.py', '--epochs', '1', '--max-images', '200'];"
        "runpy.run_path('train.py', run_name='__main__');"
        "print('imported', 'mlflow' in sys.modules)"
    )
    ended = folder.run("-c", script, TRAINUP_OUTPUT_DIR=str(tmp_path / "kept"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("imported False\n")
    assert not (folder.path / "outputs").exists()

    script = (
        "import sys; from fastai.learner import load_learner; import numpy;"
        "learn = load_learner(sys.argv[1]); print(learn.predict(numpy.zeros((8, 8), dtype='uint8'))[0])"
    )
    ended = folder.run("-P", "-c", script, str(tmp_path / "kept" / "model.pkl"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[-1] in set("0123456789")


KILLED = f"""\
import os, runpy, signal
from loop import LogEpoch
after_step = LogEpoch.after_step
def killed_in_the_third_epoch(self):
    after_step(self)
    if self.progress.steps == {2 * STEPS_PER_EPOCH + 3}:
        os.kill(os.getpid(), signal.SIGKILL)
LogEpoch.after_step = killed_in_the_third_epoch
runpy.run_path("train.py", run_name="__main__")
"""


def test_a_killed_training_ends_as_if_it_had_not_been_killed(folder: Folder, tmp_path: Path) -> None:
    straight = folder.train("train.py", *SHORT, TRAINUP_OUTPUT_DIR=str(tmp_path / "straight"))
    assert straight.returncode == 0, straight.stderr

    kept = {"TRAINUP_CHECKPOINT_DIR": str(tmp_path / "checkpoints")}
    killed = folder.train("-c", KILLED, *SHORT, TRAINUP_OUTPUT_DIR=str(tmp_path / "first"), **kept)
    assert killed.returncode == -9, killed.stderr
    assert epochs_in(killed.stdout) == [1, 2]
    again = folder.train("train.py", *SHORT, TRAINUP_OUTPUT_DIR=str(tmp_path / "second"), **kept)

    assert again.returncode == 0, again.stderr
    assert "going on after epoch 2" in again.stdout
    assert epochs_in(again.stdout) == [3, 4]
    assert metrics_of(tmp_path / "second")["steps"] == 4 * STEPS_PER_EPOCH
    # The training loss is fastai's running average, which starts anew with the process.
    for name in ("valid_loss", "accuracy"):
        assert metrics_of(tmp_path / "second")[name] == pytest.approx(metrics_of(tmp_path / "straight")[name], rel=1e-4)


def test_a_checkpoint_of_other_settings_or_a_broken_one_is_not_used(folder: Folder) -> None:
    words = ("train.py", "--max-images", "200", "--epochs")
    assert folder.train(*words, "1").returncode == 0
    other = folder.train(*words, "2")
    assert "starting at the beginning: outputs/checkpoints/last.pt was trained with epochs 1, now 2" in other.stdout
    assert epochs_in(other.stdout) == [1, 2]
    (folder.path / "outputs" / "checkpoints" / "last.pt").write_bytes(b"half a file")
    broken = folder.train(*words, "1")
    assert broken.returncode == 0, broken.stderr
    assert "is no readable checkpoint" in broken.stdout


def test_pets_train_from_a_folder(folder: Folder) -> None:
    images = folder.path / "pets" / "images"
    images.mkdir(parents=True)
    for number in range(20):
        (images / f"{'Abyssinian' if number % 2 else 'beagle'}_{number}.png").write_bytes(_png(number))
    small = ("--no-pretrained", "--arch", "resnet18", "--image-size", "32", "--batch-size", "4", "--workers", "0")
    ended = folder.train("train.py", "--dataset", "pets", "--data", "pets", *small)
    assert (ended.returncode, ended.stderr) == (0, "")
    config: dict[str, Any] = json.loads((folder.path / "outputs" / "config.json").read_text())
    assert config["categories"] == "cat dog"
    assert metrics_of(folder.path / "outputs")["steps"] == 4


def test_a_folder_without_cats_is_refused_in_words(folder: Folder) -> None:
    images = folder.path / "pets" / "images"
    images.mkdir(parents=True)
    (images / "beagle_1.png").write_bytes(_png(1))
    ended = folder.train("train.py", "--dataset", "pets", "--data", "pets")
    assert ended.returncode == 1
    assert ended.stderr.startswith("train.py: pets/images holds 1 images (dog); it takes cats")
    assert "Traceback" not in ended.stderr


def test_a_loss_that_explodes_fails_the_run_in_words(folder: Folder) -> None:
    code = folder.path / "data.py"
    code.write_text(code.read_text().replace("nn.Linear(128", "nn.Threshold(1e9, float('nan')), nn.Linear(128"))
    ended = folder.train("train.py", "--max-images", "200", "--epochs", "2")
    assert ended.returncode == 1
    assert "the loss was no finite number after epoch 1: try a lower --lr" in ended.stderr
    assert not (folder.path / "outputs" / "model.pkl").exists()


def _png(shade: int, size: int = 40) -> bytes:
    """A grey square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade * 10 % 256]) * size) * size
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
