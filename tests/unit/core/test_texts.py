"""Files of the user's in whatever encoding an editor left them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.metrics import metrics_of
from trainup.core.texts import decode, wide

WIDE = ["utf-16", "utf-32"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", *WIDE])
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff\r")))
def test_a_text_that_names_its_encoding_is_read(encoding: str, text: str) -> None:
    assert decode(text.replace("\n", "\r\n").encode(encoding)) == text


@given(st.binary())
def test_any_bytes_are_a_text_or_one_sentence(data: bytes) -> None:
    try:
        assert isinstance(decode(data), str)
    except ValueError as error:
        assert str(error).endswith(": save it as UTF-8")  # noqa: PT017


def test_what_other_programs_do_not_read_is_told() -> None:
    assert wide("a".encode("utf-16")) == "it is a text in UTF-16-LE, which is not read: save it as UTF-8"
    assert wide(b"\xef\xbb\xbfa") is None
    assert wide(b"caf\xe9") is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", *WIDE])
def test_metrics_are_read_in_any_encoding_that_says_so(encoding: str) -> None:
    assert metrics_of('{"a": 1}\r\n'.encode(encoding)) == {"a": 1.0}
