"""One byte form per value."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.canonical import canonical, sha256
from trainup.core.values import UNKNOWN, Secret

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def _reordered(value: object) -> object:
    if isinstance(value, dict):
        return {key: _reordered(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return [_reordered(item) for item in value]
    return value


@given(VALUES)
def test_the_order_of_keys_does_not_matter(value: object) -> None:
    assert canonical(value) == canonical(_reordered(value))


@given(VALUES)
def test_a_value_that_went_through_json_has_the_same_form(value: object) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.integers(min_value=-(2**53), max_value=2**53))
def test_a_whole_float_is_the_integer_that_it_equals(number: int) -> None:
    assert sha256({"x": [float(number)]}) == sha256({"x": [number]})


@given(st.text(), st.text())
def test_different_texts_have_different_forms(one: str, other: str) -> None:
    assert (canonical(one) == canonical(other)) == (one == other)


def test_a_number_is_not_its_text() -> None:
    assert len({canonical(value) for value in (1, "1", True, None, [1], {"1": 1})}) == 6


def test_text_stays_readable_utf8() -> None:
    assert canonical({"ä": "日本 🎓"}) == '{"ä":"日本 🎓"}'.encode()


@pytest.mark.parametrize("value", [UNKNOWN, {"a": [UNKNOWN]}, Secret("x"), {"a": Secret("x")}])
def test_unknown_and_secret_values_are_never_hashed(value: object) -> None:
    with pytest.raises(TypeError):
        sha256(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_without_a_json_form_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        sha256({"x": value})
