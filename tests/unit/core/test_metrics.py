"""The best value of a metric."""

import pytest

from trainup.core.metrics import best_of


@pytest.mark.parametrize(
    "name",
    ["epoch_seconds", "loss", "val/loss", "step time", "latency_ms", "train.duration", "wer", "elapsed", "SECONDS"],
)
def test_less_is_better_of_losses_errors_and_times(name: str) -> None:
    assert best_of(name, [2.0, 1.0, 3.0]) == 1.0


@pytest.mark.parametrize("name", ["accuracy", "lifetime_value", "timesteps", "f1", "forms", "second_accuracy"])
def test_more_is_better_of_anything_else(name: str) -> None:
    assert best_of(name, [2.0, 1.0, 3.0]) == 3.0
