"""A page as a browser shows it: the machine's Chromium, driven by Playwright in an environment of its own."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    _run(SCRIPT, url, selector, str(count), *texts)


LOOKS = """\
import json, sys
from playwright.sync_api import sync_playwright
chromium, looks = sys.argv[1], json.loads(sys.argv[2])
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    told = []
    for look in looks:
        context = browser.new_context(
            viewport={"width": look["width"], "height": 900}, color_scheme=look["scheme"], offline=True,
            java_script_enabled=look["scripts"],
        )
        page, errors = context.new_page(), []
        page.on("console", lambda one: errors.append(one.text) if one.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda one: errors.append(one.url) if not one.url.startswith("file:") else None)
        page.goto(look["url"])
        if look["scripts"] and page.locator("#library").count():
            page.locator("html[data-ready]").wait_for()
        if look["picture"]:
            page.screenshot(path=look["picture"], full_page=True)
        told.append({
            "errors": errors,
            "width": page.evaluate("document.documentElement.scrollWidth"),
            "charts": page.locator(".chart svg").count(),
            "text": page.locator("body").inner_text(),
            "background": page.evaluate("getComputedStyle(document.documentElement).backgroundColor"),
        })
        context.close()
    print(json.dumps(told))
"""


@dataclass(frozen=True)
class Look:
    """A page as somebody opens it: the width of the window in pixels, `light` or `dark`, with scripts or without."""

    file: Path
    width: int = 1280
    scheme: str = "light"
    scripts: bool = True
    picture: Path | None = None
    """Where a picture of the whole page is put."""


def look(*looks: Look) -> list[dict[str, Any]]:
    """What each look at a page without network tells: `errors`, `width` of the content, `charts`, `text`, `background`.

    Skips the test where there is no Chromium.
    """
    asked = [
        {
            "url": one.file.resolve().as_uri(),
            "width": one.width,
            "scheme": one.scheme,
            "scripts": one.scripts,
            "picture": str(one.picture) if one.picture else "",
        }
        for one in looks
    ]
    return list(json.loads(_run(LOOKS, json.dumps(asked))))


def _run(script: str, *words: str) -> str:
    chromium = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if chromium is None:
        pytest.skip("there is no Chromium on this machine, so the page was not looked at")
    command = [find_uv(None), "run", "--quiet", "--no-project", "--with", PLAYWRIGHT, "python", "-c", script]
    done = subprocess.run([*command, chromium, *words], capture_output=True, text=True, timeout=4 * SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout
