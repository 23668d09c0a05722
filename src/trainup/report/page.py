"""One page that needs nothing else: tables in semantic HTML, with charts beside them where a browser runs scripts."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from trainup.core.numbers import to_plain
from trainup.report import library, sections
from trainup.report.content import Report
from trainup.report.elements import add
from trainup.report.sections import Chart, Limits

FOLDER = Path(__file__).parent
MOST_BYTES = 1_000_000
"""Of the page: mail and reviews of pull requests take it."""
SMALLER = 0.6
SCRIPT = (FOLDER / "page.js").read_text()
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {}; base-uri 'none'; form-action 'none'"
)
"""What the page may do: run its own two scripts, known by their hashes, and nothing else; it has no network."""


def page(report: Report, mask: Callable[[str], str] = lambda text: text) -> bytes:
    """The HTML of a report, in UTF-8. `mask` hides secrets in its texts.

    A page that would be too large has fewer curves and rows, and says so.
    """
    limits = Limits()
    while True:
        content = _page(report, limits, mask)
        if len(content) < MOST_BYTES or limits.rows < 10:
            return content
        limits = limits.times(SMALLER)


def _page(report: Report, limits: Limits, mask: Callable[[str], str]) -> bytes:
    html = Element("html", lang="en")
    head = add(html, "head")
    add(head, "meta", charset="utf-8")
    hashes = " ".join(f"'sha256-{one}'" for one in (_sha256(SCRIPT), library.sha256()))
    add(head, "meta", http_equiv="Content-Security-Policy", content=POLICY.format(hashes))
    add(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    add(head, "title", f"Runs of stack {report.stack}")
    add(head, "style", (FOLDER / "page.css").read_text())
    body = add(html, "body")
    charts = sections.fill(add(body, "main"), report, limits)
    texts = mask("<!doctype html>\n" + tostring(html, encoding="unicode", method="html"))
    end = "</body></html>"
    scripts = _scripts(charts, mask) if charts else ""
    return f"{texts.removesuffix(end)}{scripts}{end}\n".encode("utf-8", "replace")


def _scripts(charts: Mapping[str, Chart], mask: Callable[[str], str]) -> str:
    """The library and the data, both compressed, and the script that draws them."""
    options = {name: {"label": one.label, "option": one.option} for name, one in charts.items()}
    data = mask(json.dumps(to_plain(options))).encode("utf-8", "replace")
    box = Element("div", hidden="hidden")
    add(box, "script", library.encoded(), id="library", type="text/plain")
    add(box, "script", base64.b64encode(gzip.compress(data, mtime=0)).decode(), id="charts", type="text/plain")
    add(box, "script", SCRIPT)
    return tostring(box, encoding="unicode", method="html")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
