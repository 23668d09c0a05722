"""Secrets in values that are written down."""

import json

from hypothesis import given
from hypothesis import strategies as st

from trainup.core.values import Secret
from trainup.simulator.cloud.shape import masked

PLANTED = "planted-5ecret"
texts = st.text(max_size=5) | st.just("password") | st.just("Key")
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
secrets = st.just(Secret(PLANTED)) | st.just(Secret({"a": [PLANTED]})) | st.just(f"https://x/y?sv=1&sig={PLANTED}&sp=r")
named = st.just({"password": PLANTED}) | st.just({"Key": Secret(PLANTED)}) | st.just({"accountKey": {"a": PLANTED}})
values = st.recursive(
    leaves | secrets | named,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(values)
def test_no_secret_is_left_and_the_rest_can_be_written(value: object) -> None:
    assert PLANTED not in json.dumps(masked(value))


def test_what_is_no_secret_stays_as_it_is() -> None:
    value = {"name": "a", "keys": ["b"], "uri": "https://x/y?sv=1", "count": 3}
    assert masked(value) == value
