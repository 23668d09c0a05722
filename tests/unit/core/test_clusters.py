"""Lengths of time as Azure writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.clusters import iso_duration, iso_seconds


@given(st.integers(min_value=0, max_value=10_000_000))
def test_a_length_of_time_is_read_as_it_was_written(seconds: int) -> None:
    assert iso_seconds(iso_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1H", "P1M", "T1H", None])
def test_what_is_no_length_of_time_has_no_seconds(text: str | None) -> None:
    assert iso_seconds(text) is None
