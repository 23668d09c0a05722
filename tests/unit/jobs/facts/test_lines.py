"""How the text of a file changed, and that no secret is shown with it."""

import pytest

from trainup.jobs.facts.lines import MOST_BYTES, NO_END, compare

TOKEN = "ghp_" + "a1B2c3D4e" * 4
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("before", "now", "counts"),
    [
        (b"a\nb\nc\n", b"a\nx\nc\nd\n", "+2 −1"),
        (b"", b"a\n", "+1 −0"),
        (b"a\r\nb\r\n", b"a\nb\n", "line ends CRLF → LF"),
        (b"a\r\nb\r\n", b"a\r\nc\r\n", "+1 −1"),
        (b"a\nb\n", b"a\r\nc\r\n", "+1 −1, line ends LF → CRLF"),
        (b"a\n", b"a", "+1 −1"),
        (b"\0\1", b"\0\2", "binary"),
        (b"text\n", b"\0\2", "binary"),
        ("größe\n".encode(), "Größe\n".encode(), "+1 −1"),
        (b"caf\xe9\n", b"caf\xe8\n", "only its line ends or unreadable characters differ"),
        (b"a" * (MOST_BYTES + 1), b"b", "too large to compare by lines"),
        (b"a\n" * 6000, b"b\n", "too long to compare by lines"),
    ],
)
def test_lines_are_counted_as_diff_counts_them(before: bytes, now: bytes, counts: str) -> None:
    assert compare(before, now, "a.py").counts == counts


def test_changed_lines_are_shown_with_those_around_them() -> None:
    before = "".join(f"{number}\n" for number in range(10)).encode()
    shown = compare(before, before.replace(b"5\n", b"five\n"), "a.py").shown
    assert shown == ("@@ -3,7 +3,7 @@", " 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8")


def test_a_last_line_without_an_end_is_told() -> None:
    assert compare(b"a\n", b"a", "a.py").shown == ("@@ -1,1 +1,1 @@", "-a", f"+a{NO_END}")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("a\n", f"token = '{TOKEN}'\n"),
        (f"token = '{TOKEN}'\n", "a\n"),
        ("a\n", f"x = 1\x0c\x1c\ny = 2\ntoken = '{TOKEN}'\n"),
        ("a\n", f"password=swordfish-{TOKEN[4:12]}\n"),
        ("a\n", f"url = 'https://me:{TOKEN}@host/'\n"),
    ],
)
def test_a_line_that_looks_like_a_secret_is_masked(before: str, now: str) -> None:
    result = compare(before.encode(), now.encode(), "settings.ini")
    text = "\n".join(result.shown)
    assert TOKEN[4:12] not in text
    assert "***" in text
    assert result.counts.startswith("+"), "it is counted all the same"


def test_every_line_of_a_private_key_is_masked() -> None:
    text = "\n".join(compare(b"a\n", f"a\n{KEY}b\n".encode(), "key.pem").shown)
    assert "MIIE" not in text
    assert "+b" in text


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    text = "\n".join(compare(b"a\n", b"greeting = 'hello-sesame-1'\n", "a.py", ["sesame-1"]).shown)
    assert "+greeting = 'hello-***'" in text


def test_what_moves_the_cursor_of_a_terminal_is_shown_as_its_code() -> None:
    assert compare(b"", b"\x1b[2Jx\n", "a.py").shown[-1] == "+\\x1b[2Jx"
