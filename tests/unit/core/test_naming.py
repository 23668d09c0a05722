"""Names of runs and what the target calls them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.naming import RUN_NAME_MAX, check_run_name, job_name, run_id

NAMES = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True).filter(lambda name: len(name) <= RUN_NAME_MAX)
DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@given(NAMES)
def test_dashed_lower_case_words_are_names(name: str) -> None:
    assert check_run_name(name) is None


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a--b", "a_b", "a.b", "a/b", "ä", "a\n", "a" * 41])
def test_anything_else_is_refused_naming_what_was_given(name: str) -> None:
    assert repr(name) in (check_run_name(name) or "")


@given(st.tuples(NAMES, DIGESTS, st.integers(1, 99)), st.tuples(NAMES, DIGESTS, st.integers(1, 99)))
def test_no_two_attempts_share_a_name(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    def name(run: str, digest: str, attempt: int) -> str:
        return job_name(run_id(run, digest), attempt)

    same = (one[0], one[1][:12], one[2]) == (other[0], other[1][:12], other[2])
    assert (name(*one) == name(*other)) == same
    assert len(name(*one)) < 64


def test_the_id_is_the_name_of_the_first_attempt() -> None:
    identity = run_id("digits", "0123456789abcdef")
    assert identity == "digits-0123456789ab"
    assert job_name(identity, 1) == identity
    assert job_name(identity, 3) == "digits-0123456789ab-a3"


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        job_name("x", 0)
