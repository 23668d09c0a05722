"""The parameters that MLflow shows of a run."""

from hypothesis import given
from hypothesis import strategies as st

from trainup.core.parameters import parameters_of


def test_options_are_parameters_and_other_words_are_not() -> None:
    command = ["python", "a.py", "data", "--epochs", "5", "--lr=1e-3", "-n", "2", "--fast", "--shift", "-1", "--last"]
    assert parameters_of(command, {"rate": "0.1"}) == {
        "epochs": "5",
        "lr": "1e-3",
        "n": "2",
        "fast": "true",
        "shift": "-1",
        "last": "true",
        "rate": "0.1",
    }


@given(st.lists(st.text(max_size=9)), st.dictionaries(st.text(max_size=3), st.text(max_size=9)))
def test_any_command_has_parameters_that_mlflow_takes(command: list[str], literals: dict[str, str]) -> None:
    result = parameters_of(command, literals)
    assert literals.items() <= result.items()
    assert all(len(value) <= 6000 for value in result.values())
