"""NaN and infinities as text, and back."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.canonical import canonical
from trainup.core.numbers import to_number, to_plain


@given(st.floats())
def test_every_float_comes_back_as_it_was(value: float) -> None:
    back = to_number(to_plain(value))
    assert back == value or (math.isnan(back) and math.isnan(value))


@given(st.recursive(st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner)))
def test_at_any_depth_the_result_is_json(value: Any) -> None:
    canonical(to_plain(value))


@pytest.mark.parametrize("value", ["nan", "1", "", True, False, None, [], {}])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is no number"):
        to_number(value)


def test_a_whole_number_beyond_all_floats_is_refused_and_not_a_crash() -> None:
    with pytest.raises(ValueError, match="too large"):
        to_number(10**400)
