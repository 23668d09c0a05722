"""The page of a report: whole in itself, escaped, and small."""

import base64
import gzip
import hashlib
import json
import math
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trainup.core.drills import DrillResult
from trainup.core.failure import Failure, FailureClass
from trainup.core.git_state import GitState
from trainup.core.status import Status
from trainup.jobs import comparing
from trainup.jobs.target import Record
from trainup.report import library
from trainup.report.content import Change, Report
from trainup.report.page import MOST_BYTES, page

EVIL = "</script><img src=x onerror=alert(1)>"
ALLOWED = {"class", "id", "role", "tabindex", "aria-label", "scope", "href", "rel", "style", "hidden", "lang", "type"}
HEAD = {"charset", "http-equiv", "content", "name"}


class Page(HTMLParser):
    """The elements and texts of a page."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data: str) -> None:
        (self.scripts if self.tags[-1:] == ["script"] else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    @property
    def charts(self) -> dict[str, Any]:
        whole = [text for text in self.scripts if text.strip()]
        packed = next(text for before, text in pairwise(whole) if len(before) > 100_000)
        return dict(json.loads(gzip.decompress(base64.b64decode(packed))))


def record(number: int, text: str = "", **facts: Any) -> Record:
    usual: dict[str, Any] = {
        "metrics": {"accuracy": number / 500, "loss": 1 / (number + 1)},
        "command": ("a", "--lr", str(10.0**-number), "--name", text or f"name {number % 3}"),
        "phases": {"queued": 1.0, "preparing": 2.0, "running": 10.0 + number, "finalizing": 0.5},
        "created": f"2026-11-28T09:{number % 60:02}:00.000+00:00",
        "node_price": 2.0,
        "cost": 0.5,
    }
    return Record(f"r-{number}", "r", f"r-{number}", 1, "d", Status.COMPLETED, **{**usual, **facts})


def report(*attempts: Record, **facts: Any) -> Report:
    rows = comparing.of([(one, True) for one in attempts])
    return Report("dev", "2026-11-28 10:00:00+00:00", rows=rows, attempts=attempts, **facts)


def test_the_library_is_the_one_that_is_named() -> None:
    content = gzip.decompress(library.FILE.read_bytes())
    assert hashlib.sha256(content).hexdigest() == library.SHA256
    assert f'version="{library.VERSION}"'.encode() in content


@settings(max_examples=40)
@given(st.text(st.characters(codec=None)))
def test_no_text_of_users_becomes_an_element_or_an_attribute(text: str) -> None:
    bad = record(1, text, web_url=text, git=GitState(text or "c", text, text, dirty=True), failure=_failure(text))
    made = report(
        bad,
        record(2, EVIL),
        curves={text: {text: [(0, 1.0), (1, math.nan)]}},
        changes=[Change(bad, record(2), [text], [text], [text], [text])],
        slow=[text, EVIL],
        problems=[text, EVIL],
    )
    plain = report(record(1), record(2), curves={"a": {"b": [(0, 1.0)]}})
    usual = set(Page(page(plain)).tags) | {"a", "aside", "h3", "h4", "ul", "li"}
    seen = Page(page(made))
    assert set(seen.tags) <= usual
    assert {name for name, _ in seen.attributes} <= ALLOWED | HEAD
    assert all(str(value).startswith(("https://", "http://")) for name, value in seen.attributes if name == "href")
    assert EVIL in seen.text


def _failure(text: str) -> Failure:
    return Failure(FailureClass.USER_CODE, text)


def test_the_page_may_run_its_own_scripts_and_reach_nothing() -> None:
    seen = Page(page(report(record(1), record(2))))
    policy = next(str(value) for name, value in seen.attributes if name == "content" and "default-src" in str(value))
    own = [text for text in seen.scripts if "DecompressionStream" in text]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in own]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    assert f"script-src 'sha256-{hashes[0]}' 'sha256-{library.sha256()}'" in policy
    assert not {"link", "img", "iframe", "base", "form"} & set(seen.tags)
    assert not any(name == "src" for name, _ in seen.attributes)


def test_five_hundred_runs_with_long_texts_take_less_than_a_megabyte() -> None:
    names = [f"metric {index} of many with a long name" for index in range(15)]
    runs = [
        record(number, f"{number} {EVIL * 20}", metrics={name: math.sin(number + len(name)) for name in names})
        for number in range(500)
    ]
    lines = {
        name: {one.name: [(step, math.cos(step * 1.7)) for step in range(120)] for one in runs[:20]} for name in names
    }
    assert len(page(report(*runs, curves=lines))) < MOST_BYTES
    plain = Page(page(report(*map(record, range(500)))))
    assert "r-0" in plain.text
    assert "r-499" in plain.text


def test_what_is_left_out_is_told() -> None:
    seen = Page(page(report(*map(record, range(700)))))
    assert "500 of 700 runs" in seen.text
    assert "40 of 700 attempts" in seen.text


def test_secrets_are_masked_in_texts_and_in_charts() -> None:
    secret = "a<secret>&b"
    made = report(record(1, secret), record(2, failure=_failure(f"no {secret}")), slow=[secret])
    content = page(made, lambda text: text.replace("a&lt;secret&gt;&amp;b", "***").replace(secret, "***"))
    seen = Page(content)
    assert secret not in seen.text
    assert secret not in json.dumps(seen.charts)
    assert seen.text.count("***") == 3


def test_a_page_on_this_machine_is_no_link_since_its_address_is_a_secret() -> None:
    runs = record(1, web_url="http://127.0.0.1:5000/s3cret/#/runs/1"), record(2, web_url="https://ml.azure.com/runs/2")
    content = page(report(*runs)).decode()
    assert "s3cret" not in content
    assert 'href="https://ml.azure.com/runs/2"' in content


def test_drills_are_told_with_what_went_wrong() -> None:
    good = DrillResult("digits", "digits-1", ("digits-drill-1", "digits-drill-1-a2"), "Completed", 3.0, 2, 3, 7, 7)
    bad = DrillResult("pets", "pets-1", ("pets-drill-1",), "Failed", 3.0, 2, time="2026-11-28T09:00:00+00:00")
    text = Page(page(report(record(1), drills=[good, bad]))).text
    assert "Eviction drills" in text
    assert "digits survived - 2 3 7 7" in " ".join(text.split())
    assert "pets failed 2026-11-28 09:00:00 2" in " ".join(text.split())
    assert "pets: the copy is Failed after its node was taken away" in text


def test_a_stack_without_runs_has_a_page_that_says_so() -> None:
    seen = Page(page(report()))
    assert "has no runs yet" in seen.text
    assert "table" not in seen.tags


def test_what_slept_between_two_runs_is_no_part_of_the_timeline() -> None:
    days = [record(1), record(2, created="2026-11-30T09:00:00.000+00:00")]
    timeline = Page(page(report(*days))).charts["timeline"]["option"]
    assert timeline["series"][0]["data"] == [0.0, 14.5]


def test_numbers_of_many_sizes_are_on_a_logarithmic_axis_and_unknown_ones_are_none() -> None:
    runs = record(1), record(3, metrics={"accuracy": math.nan})
    axes = {axis["name"]: axis for axis in Page(page(report(*runs))).charts["parallel"]["option"]["parallelAxis"]}
    assert axes["lr"]["type"] == "log"
    assert axes["accuracy"]["type"] == "value"
    data = Page(page(report(*runs))).charts["parallel"]["option"]["series"][0]["data"]
    assert data[1]["value"][axes["accuracy"]["dim"]] == "-"
