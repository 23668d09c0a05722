"""The page of a report in a browser: with 0, 1 and 500 runs, wide and on a phone, light and dark, without network."""

import os
from pathlib import Path

import pytest

from tests.support import browser
from tests.support.browser import Look
from tests.support.report import trials
from trainup.report.page import page

PHONE = 360
PICTURES = os.environ.get("TRAINUP_PICTURES")
"""A folder that gets pictures of the pages."""


@pytest.mark.slow
def test_a_browser_shows_every_page_whole(tmp_path: Path) -> None:
    looks = []
    for count in (0, 1, 12, 500):
        file = tmp_path / f"{count}.html"
        file.write_bytes(page(trials(count)))
        for width, scheme in ((1280, "light"), (PHONE, "dark")):
            picture = Path(PICTURES) / f"report-{count}-{width}-{scheme}.png" if PICTURES else None
            looks.append(Look(file, width, scheme, picture=picture))
    looks.append(Look(tmp_path / "12.html", scripts=False))
    for asked, told in zip(looks, browser.look(*looks), strict=True):
        count = int(asked.file.stem)
        assert told["errors"] == [], asked
        assert told["width"] <= asked.width, asked
        assert ("trial-0" in told["text"]) == (count > 0), asked
        assert (told["charts"] > 0) == (count > 0 and asked.scripts), asked
        assert told["background"] == ("rgb(16, 21, 27)" if asked.scheme == "dark" else "rgb(255, 255, 255)")
