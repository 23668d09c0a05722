"""One page from runs that are compared: tables in semantic HTML, with charts above them where a browser has scripts."""

import json
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from trainup.core.numbers import to_plain
from trainup.jobs import comparing
from trainup.jobs.comparing import Compared
from trainup.report import library

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 0 auto; padding: 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; white-space: nowrap; border-bottom: 1px solid #8886; }
.chart { height: 22rem; }
"""
SCRIPT = """
(async () => {
  const text = id => document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(text("library")), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : null;
  for (const [id, option] of Object.entries(JSON.parse(text("charts")))) {
    const chart = echarts.init(document.getElementById(id), theme, { renderer: "svg" });
    chart.setOption({ backgroundColor: "transparent", aria: { enabled: true }, ...option });
    addEventListener("resize", () => chart.resize());
  }
})();
"""


def page(stack: str, rows: Sequence[Compared], problems: Sequence[str]) -> str:
    """The HTML of a report. Texts of users are escaped by the serializer, and in scripts by `_safe`."""
    html = Element("html", lang="en")
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "title").text = f"Runs of stack {stack}"
    SubElement(head, "style").text = STYLE
    body = SubElement(SubElement(html, "body"), "main")
    SubElement(body, "h1").text = f"Runs of stack {stack}"
    if problems:
        SubElement(body, "h2").text = "Records that cannot be read"
        found = SubElement(body, "ul")
        for problem in problems:
            SubElement(found, "li").text = problem
    charts = {"parallel": parallel(rows)} if len(rows) > 1 else {}
    for name in charts:
        label = "Arguments and metrics of all runs; the table below has the same numbers"
        SubElement(body, "div", {"id": name, "class": "chart", "role": "img", "aria-label": label})
    _table(body, rows)
    for name, kind, text in (
        ("library", "text/plain", library.encoded()),
        ("charts", "application/json", _safe(charts)),
        ("start", "text/javascript", SCRIPT if charts else ""),
    ):
        SubElement(body, "script", id=name, type=kind).text = text
    return "<!doctype html>\n" + tostring(html, encoding="unicode", method="html")


def _safe(value: Any) -> str:
    """JSON that ends no script element, whatever its texts are."""
    return json.dumps(to_plain(value)).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _columns(rows: Sequence[Compared]) -> list[str]:
    return [*comparing.arguments_that_differ(rows), *comparing.metrics_of(rows)]


def parallel(rows: Sequence[Compared]) -> dict[str, Any]:
    """Parallel coordinates: a line for each run through its arguments and metrics."""
    axes = [{"dim": number, "name": name, "type": "category"} for number, name in enumerate(_columns(rows))]
    values = [[row.value(str(axis["name"])) for axis in axes] for row in rows]
    for axis in axes:
        known = [value for value in (line[int(str(axis["dim"]))] for line in values) if value is not None]
        axis["type"] = "value" if all(comparing.number_of(value) is not None for value in known) else "category"
    return {"parallelAxis": axes, "series": [{"type": "parallel", "data": values}]}


def _table(parent: Element, rows: Sequence[Compared]) -> None:
    columns = _columns(rows)
    table = SubElement(SubElement(parent, "div", {"class": "scroll"}), "table")
    SubElement(table, "caption").text = f"{len(rows)} runs"
    line = SubElement(SubElement(table, "thead"), "tr")
    for title in ("Run", "Status", *columns, "Seconds"):
        SubElement(line, "th", scope="col").text = title
    inside = SubElement(table, "tbody")
    for row in rows:
        line = SubElement(inside, "tr")
        SubElement(line, "th", scope="row").text = row.record.name
        values = [row.value(name) for name in columns]
        texts = (f"{value:.4g}" if isinstance(value, float) else str(value or "-") for value in values)
        for text in (str(row.record.status), *texts, f"{row.record.duration_seconds:.1f}"):
            SubElement(line, "td").text = text
