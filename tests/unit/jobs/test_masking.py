"""Secrets in what is printed, in any spelling that the module promises."""

import base64
import random
import re
import string
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.spellings import spellings
from trainup.jobs.lines import MAX_LINE, LineCleaner
from trainup.jobs.masking import MASK, Mask

LETTERS = random.Random(7).choices(string.ascii_letters + string.digits, k=4000)
TOKEN = "".join(LETTERS[:40])
PEM = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        *("".join(LETTERS[at : at + 64]) for at in range(64, 1600, 64)),
        "-----END PRIVATE KEY-----",
        "",
    ]
)
SECRETS = {
    "a token": TOKEN,
    "short": "a1b2",
    "a password": "p4$$ w/ö\"rd'=+&<x>%;?#~`!*|(){}[]^@,.:-_",
    "backslashes": 'C:\\new\\\\table\\"x\\',
    "begins and ends oddly": "/+=\"'&%\\ end\\",
    "a URL": "postgres://me:p4ss/w+rd@db.example:5432/x?a=b&c=%20",
    "Unicode": "pässwörd-日本語-🔑-ключ",
    "JSON": '{"type": "service_account", "key": "ab/cd+ef==", "n": null}',
    "a key": PEM,
    "with line ends": "first line\r\nsecond line\n\n  third line  \n",
    "long": "".join(LETTERS[:2000]) + "/'\"" + "".join(LETTERS[2000:]),
}


def masked(text: str, secret: str) -> str:
    cleaner = LineCleaner(Mask([secret]))
    return (cleaner.feed(text.encode() + b"\n") + cleaner.finish()).decode()


def left_over(shown: str) -> str:
    """What is left of a spelling that was masked: the frame around it."""
    return shown.replace(MASK.decode(), "")


@pytest.mark.slow
@pytest.mark.parametrize("name", SECRETS)
def test_no_spelling_of_a_secret_is_shown(name: str) -> None:
    secret = SECRETS[name]
    lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= 4]
    for spelling, printed in spellings(secret.strip()).items():
        shown = left_over(masked(f"before {printed} after", secret))
        assert shown.startswith("before "), spelling
        assert shown.endswith(" after\n"), spelling
        rest = shown.removeprefix("before ").removesuffix(" after\n").replace("\n", "")
        # Quotes, braces, short base64 of what is around it, and what separates lines too short to be masked.
        frame = {"JSON in JSON": 30, "repr of JSON": 8}.get(spelling, 12)
        assert len(rest) <= frame + 4 * len(lines), (spelling, rest)
        assert not any(line in shown for line in lines), spelling


@pytest.mark.slow
@settings(deadline=None)
@example(secret="&amp;\\\\n%25+")
@example(secret="aaaa")
@example(secret="''''")
@example(secret="\\\\\\\\")
@example(secret="0\u00c3\u00830")
@example(secret='0""\x1b')
@example(secret="''''\x1b")
@example(secret='\\""\x1b"')
@example(secret="\u00c2\u0082\u00c2\u0082")
@given(
    secret=st.text(
        st.sampled_from("ab1\\\"'/+%&=<> \t$`;äé日🔑\x00\x7f") | st.characters(exclude_categories=["Cs"]),
        min_size=4,
        max_size=12,
    ).filter(lambda text: len(text.strip()) >= 4 and len(text.splitlines()) == 1)
)
def test_any_secret_is_masked_as_a_whole_in_any_spelling(secret: str) -> None:
    mask, secret = Mask([secret]), secret.strip()
    for spelling, printed in spellings(secret).items():
        shown = mask.mask(printed.encode()).decode("utf-8", "replace")
        if spelling.startswith("base64"):
            assert len(left_over(shown)) <= 12, (spelling, printed, shown)
        elif spelling == "URL in a URL" and re.search("%[0-9a-f]{2}|&#?[a-z0-9]+;", secret, re.IGNORECASE):
            continue  # what looks like a code itself is told from codes that were written once
        elif spelling not in ("JSON in JSON", "repr of JSON"):
            assert left_over(shown).strip("'\"") == "", (spelling, printed, shown)


@given(st.binary(max_size=200))
def test_what_is_no_secret_stays(data: bytes) -> None:
    assert Mask([TOKEN, PEM]).mask(data) == data


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(["a password", "Unicode", "a token"]), pick=st.integers(0, 100), cut=st.integers(0, 200))
def test_a_spelling_that_arrives_in_two_pieces_is_masked(name: str, pick: int, cut: int) -> None:
    found = [text for text in spellings(SECRETS[name]).values() if "\n" not in text]
    printed = f"x{found[pick % len(found)]} y\n".encode()
    whole = LineCleaner(Mask([SECRETS[name]]))
    pieces = LineCleaner(Mask([SECRETS[name]]))
    assert pieces.feed(printed[:cut]) + pieces.feed(printed[cut:]) == whole.feed(printed)


@pytest.mark.parametrize("overlap", [0, 1, 20, 60])
@pytest.mark.parametrize("spelling", ["as it is", "URL in a URL", "base64 behind 1 before ':rest'"])
def test_a_spelling_where_a_long_line_is_broken_is_masked(overlap: int, spelling: str) -> None:
    secret = SECRETS["a password"]
    printed = spellings(secret)[spelling]
    shown = masked("." * (MAX_LINE - overlap) + printed + "." * 70_000, secret)
    assert shown.replace("\n", "").strip(".") in ("***", "dX***", "d***", "***cmVzdA==", "d***OnJlc3Q=", "d***cmVzdA==")


@pytest.mark.slow
def test_a_long_secret_is_masked_in_a_line_longer_than_a_line_may_be() -> None:
    secret = "".join(random.Random(3).choices(string.ascii_letters, k=25_000))
    for printed in (secret, base64.b64encode(secret.encode()).decode(), secret * 4):
        assert set(masked("." * 60_000 + printed, secret).replace("\n", "")) == {".", "*"}


def test_short_texts_and_lines_are_left_as_the_promise_says() -> None:
    assert masked("abc is a word", "abc") == "abc is a word\n"
    assert masked("if x else long-line", "if\nlong-line") == "if x else ***\n"


def test_the_longer_of_two_secrets_is_masked_first() -> None:
    assert Mask(["/token", "/token/extra"]).mask(b"/token%2Fextra /token") == b"*** ***"


def test_a_mask_without_secrets_changes_nothing() -> None:
    assert Mask().mask(b"anything") == b"anything"
    assert Mask(["", " \n "]).mask_text("anything") == "anything"


def test_a_text_is_masked_as_a_log_is() -> None:
    assert Mask([TOKEN]).mask_text(f"it said\n{TOKEN}é") == "it said\n***é"


def test_the_promise_is_in_the_readme() -> None:
    text = (Path(__file__).parents[3] / "README.md").read_text()
    for word in ("JSON", "`repr`", "URLs", "HTML", "shells", "base64", "shorter than 4 characters"):
        assert word in text
