"""The page of a report: whole in itself, escaped, and small."""

import gzip
import hashlib
from html.parser import HTMLParser

from trainup.core.status import Status
from trainup.jobs import comparing
from trainup.jobs.target import Record
from trainup.report import library
from trainup.report.page import page

EVIL = "</script><img src=x onerror=alert(1)>"


def records(count: int) -> list[tuple[Record, bool]]:
    return [
        (
            Record(
                f"r-{number}", "r", f"r-{number}", 1, "d", Status.COMPLETED,
                metrics={"accuracy": number / 500}, command=("a", "--lr", str(number), "--name", EVIL * (number % 2)),
            ),
            True,
        )
        for number in range(count)
    ]  # fmt: skip


def test_the_library_is_the_one_that_is_named() -> None:
    content = gzip.decompress(library.FILE.read_bytes())
    assert hashlib.sha256(content).hexdigest() == library.SHA256
    assert f'version="{library.VERSION}"'.encode() in content


def test_texts_of_users_begin_no_element() -> None:
    tags: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    Parser().feed(page(EVIL, comparing.of(records(3)), [EVIL]))
    assert "img" not in tags
    assert tags.count("script") == 3


def test_a_page_of_five_hundred_runs_has_less_than_a_megabyte() -> None:
    assert len(page("dev", comparing.of(records(500)), []).encode()) < 1_000_000
