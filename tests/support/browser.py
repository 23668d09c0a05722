"""A page as a browser shows it: the machine's Chromium, driven by Playwright in an environment of its own."""

import shutil
import subprocess
from collections.abc import Sequence

import pytest

from trainup.jobs.local.environments import find_uv

PLAYWRIGHT = "playwright==1.60.0"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 120
SCRIPT = f"""\
import sys
from playwright.sync_api import sync_playwright
chromium, url, selector, count, *texts = sys.argv[1:]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = browser.new_page(viewport={{"width": 1400, "height": 1000}})
    page.set_default_timeout({SECONDS * 1000})
    page.goto(url)
    for text in texts:
        page.get_by_text(text, exact=True).first.wait_for()
    page.locator(selector).nth(int(count) - 1).wait_for()
"""


def shows(url: str, texts: Sequence[str], selector: str, count: int) -> None:
    """Look at a page until these texts, and so many elements of a selector, are visible; else the test fails.

    Skips the test where there is no Chromium.
    """
    chromium = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if chromium is None:
        pytest.skip("there is no Chromium on this machine, so the page was not looked at")
    command = [find_uv(None), "run", "--quiet", "--no-project", "--with", PLAYWRIGHT, "python", "-c", SCRIPT]
    words = [chromium, url, selector, str(count), *texts]
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=4 * SECONDS)
    assert done.returncode == 0, done.stderr
