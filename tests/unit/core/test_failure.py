"""How a command ended, as a failure class."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.failure import REMEDIES, Failure, FailureClass, of_exit


def test_zero_is_no_failure() -> None:
    assert of_exit(0) is None


@given(st.integers(-64, 255).filter(bool))
def test_every_other_end_has_a_class_and_a_remedy(code: int) -> None:
    failure = of_exit(code)
    assert failure is not None
    assert failure.remedy
    assert Failure.from_dict(failure.to_dict()) == failure


@pytest.mark.parametrize("code", [126, 127])
def test_a_command_that_cannot_start_is_the_environments_fault(code: int) -> None:
    failure = of_exit(code)
    assert failure is not None
    assert (failure.failure_class, failure.exit_code) == (FailureClass.ENVIRONMENT, code)


def test_an_exit_code_is_the_scripts_own_fault() -> None:
    assert of_exit(3) == Failure(FailureClass.USER_CODE, "the command ended with exit code 3", 3)


@pytest.mark.parametrize("code", [-9, 137])
def test_a_kill_is_named_and_out_of_memory_is_suspected(code: int) -> None:
    failure = of_exit(code)
    assert failure is not None
    assert failure.signal == "SIGKILL"
    assert "memory" in failure.message


def test_a_command_that_a_signal_ended_has_no_exit_code_of_its_own() -> None:
    killed, shell = of_exit(-15), of_exit(143)
    assert killed is not None
    assert shell is not None
    assert (killed.exit_code, killed.signal) == (None, "SIGTERM")
    assert (shell.exit_code, shell.signal) == (143, "SIGTERM")


@pytest.mark.parametrize("code", [193, 200, 255])
def test_codes_above_the_signals_are_plain_exit_codes(code: int) -> None:
    failure = of_exit(code)
    assert failure is not None
    assert failure.signal is None
    assert str(code) in failure.message


def test_every_class_has_a_remedy() -> None:
    assert REMEDIES.keys() == set(FailureClass)
