"""Lengths of time as people write them, and as Azure does."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.duration import iso_duration, iso_seconds, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), (" 1.5 h ", 5400), (45, 45), (0.5, 0.5), ("90", 90)],
)
def test_a_number_and_a_unit_is_a_length_of_time(text: Any, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h",
        "1w",
        "-1h",
        "1h30m",
        "1e3s",
        "0s",
        "0",
        0,
        -1,
        True,
        math.nan,
        math.inf,
        10**400,
        "9" * 500 + "d",
        "366d",
    ],
)
def test_anything_else_is_refused_by_its_own_words(text: Any) -> None:
    with pytest.raises(ValueError, match="length of time"):
        parse_duration(text)


@given(st.text() | st.floats() | st.integers())
def test_any_value_is_parsed_or_refused(value: Any) -> None:
    try:
        assert 0 < parse_duration(value) < 366 * 86400
    except ValueError as error:
        assert "length of time" in str(error)  # noqa: PT017


@given(st.integers(min_value=0, max_value=10_000_000))
def test_a_length_of_time_is_read_as_it_was_written(seconds: int) -> None:
    assert iso_seconds(iso_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1H", "P1M", "T1H", None])
def test_what_is_no_length_of_time_has_no_seconds(text: str | None) -> None:
    assert iso_seconds(text) is None
