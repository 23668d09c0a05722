"""What train.py says before it has loaded anything heavy."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "training" / "train.py"


@pytest.fixture(scope="module")
def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("training_script", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_all_wrong_flags_are_told_at_once(train: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train.parse_args(["--epochs", "0", "--arch", "resnet18", "--lr", "100"])
    assert ended.value.code == 2
    message = capsys.readouterr().err
    for part in ("--epochs 0 is too small: give 1", "--arch is for --dataset pets", "--lr 100.0 is no learning rate"):
        assert part in message


def test_each_dataset_has_defaults_of_its_own(train: ModuleType) -> None:
    digits, pets = train.parse_args([]), train.parse_args(["--dataset", "pets", "--epochs", "3"])
    assert (digits.epochs, digits.arch, digits.pretrained) == (12, None, None)
    assert (pets.epochs, pets.arch, pets.pretrained) == (3, "resnet34", True)


def test_the_output_folder_comes_from_the_environment(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRAINUP_OUTPUT_DIR", "TRAINUP_CHECKPOINT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert train.parse_args([]).checkpoints == Path("outputs/checkpoints")
    monkeypatch.setenv("TRAINUP_OUTPUT_DIR", "/given")
    assert train.parse_args([]).checkpoints == Path("/given/checkpoints")
    monkeypatch.setenv("TRAINUP_CHECKPOINT_DIR", "/kept")
    assert train.parse_args([]).checkpoints == Path("/kept")
    assert train.parse_args(["--output", "here"]).output == Path("here")


def test_a_pretrained_model_gets_its_head_trained_first(train: ModuleType) -> None:
    head, whole = train.schedule(train.parse_args(["--dataset", "pets", "--epochs", "4"]))
    assert (head.frozen, head.epochs) == (True, 1)
    assert (whole.frozen, whole.epochs) == (False, 4)
    (only,) = train.schedule(train.parse_args(["--dataset", "pets", "--no-pretrained"]))
    assert not only.frozen
