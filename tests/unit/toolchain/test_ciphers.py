"""Pulumi's encryption by passphrase. That the CLI understands it too is a test of the real one."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.toolchain import ciphers
from trainup.toolchain.ciphers import Cipher

PUBLIC = "v1:T4w5Y6mgTO8=:v1:88uTU+HAixeifk3+:qRxhyQOg6fr5OKWQ5TFVgdC8hCYinQ=="
"""Made by the CLI for the passphrase `local`."""


@cache
def cipher_for(passphrase: str) -> Cipher:
    """Made once, and not while tests are collected: Pulumi's way from a passphrase to a key takes half a second."""
    return Cipher.of(passphrase, b"salt")


@pytest.mark.slow
def test_a_passphrase_fits_the_salt_that_was_made_for_it_and_no_other() -> None:
    assert ciphers.cipher_of("local", PUBLIC)
    assert not ciphers.cipher_of("other", PUBLIC)
    made = ciphers.new_salt("mine")
    assert ciphers.cipher_of("mine", made)
    assert made != ciphers.new_salt("mine")


@pytest.mark.slow
def test_what_is_no_salt_fits_nothing() -> None:
    for text in ("", "v1", "v2" + PUBLIC[2:], "v1:?:v1:88uTU+HAixeifk3+:qRxhyQ==", PUBLIC[:-8]):
        assert not ciphers.cipher_of("local", text)


@given(st.text(), st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])))
def test_secrets_in_any_text_are_encrypted_anew_and_all_else_stays(secret: str, around: str) -> None:
    old, new = cipher_for("old"), cipher_for("new")
    text = f'{around} "{old.encrypt(secret)}" {new.encrypt("another")} {around}'
    made = ciphers.reencrypted(text, old, new)
    parts, before = made.split('"'), text.split('"')
    found = ciphers.TOKEN.findall(made)
    assert [new.decrypt(token) for token in found] == [secret, "another"]
    assert (parts[0], parts[-1]) == (before[0], before[-1])
    assert ciphers.reencrypted(made, old, new) == made
