"""Elements of the page. Texts of users are escaped when the page is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

UNKNOWN = "-"


@dataclass(frozen=True)
class Cell:
    """A text of a table."""

    text: str
    address: str = ""
    """Where it leads; only addresses of web pages become links."""
    kind: str = ""
    """How it looks: `number`, `good` or `bad`."""


def add(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """A new element at the end of `parent`; `class_` means the attribute `class`, and `aria_label` `aria-label`."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    element = SubElement(parent, tag, named)
    if text:
        element.text = text
    return element


def section(parent: Element, title: str, note: str = "") -> Element:
    """A part of the page under a heading."""
    part = add(parent, "section")
    add(part, "h2", title)
    if note:
        add(part, "p", note, class_="note")
    return part


def points(parent: Element, texts: Iterable[str]) -> None:
    """A list with a point for each text; nothing without texts."""
    if texts := list(texts):
        items = add(parent, "ul")
        for text in texts:
            add(items, "li", text)


def table(parent: Element, caption: str, titles: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> None:
    """A table; the first cell of each row names it. Where it is wider than the screen, it is moved by itself."""
    box = add(parent, "div", class_="scroll", tabindex="0", role="region", aria_label=caption)
    made = add(box, "table")
    add(made, "caption", caption)
    line = add(add(made, "thead"), "tr")
    for title in titles:
        add(line, "th", title.text, scope="col", **_class(title))
    inside = add(made, "tbody")
    for row in rows:
        line = add(inside, "tr")
        for index, cell in enumerate(row):
            scope = {} if index else {"scope": "row"}
            element = add(line, "td" if index else "th", **scope, **_class(cell))
            if cell.address.startswith(("https://", "http://")):
                add(element, "a", cell.text, href=cell.address, rel="noreferrer")
            else:
                element.text = cell.text


def _class(cell: Cell) -> dict[str, str]:
    return {"class": cell.kind} if cell.kind else {}
