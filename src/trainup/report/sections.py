"""The parts of the page, from top to bottom."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from trainup.core.drills import DrillResult
from trainup.core.status import PHASES, Status
from trainup.jobs import comparing, spending
from trainup.jobs.comparing import Compared
from trainup.jobs.target import Record
from trainup.report import charts
from trainup.report.content import Change, Report
from trainup.report.elements import UNKNOWN, Cell, add, points, section, table

LONGEST = 60
"""Characters of an argument's value in a table."""
MOST_DRILLS = 20
LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")
AXIS_WIDTH, BAR_HEIGHT = 96, 24
"""Pixels."""


@dataclass(frozen=True)
class Limits:
    """How much of the runs the page shows."""

    rows: int = 500
    """Runs in the table and in the parallel coordinates."""
    bars: int = 40
    """Attempts in the timeline."""
    curves: int = 12
    """Metrics with curves."""

    def times(self, factor: float) -> "Limits":
        """Less of everything."""
        return Limits(int(self.rows * factor), int(self.bars * factor), int(self.curves * factor))


@dataclass(frozen=True)
class Chart:
    """A chart, and what it shows for those who cannot see it."""

    option: charts.Option
    label: str


def fill(parent: Element, report: Report, limits: Limits) -> dict[str, Chart]:
    """Write all parts; returns the charts by the ids of their places."""
    drawn: dict[str, Chart] = {}
    _head(parent, report)
    _warning(parent, "Records that cannot be read", report.problems)
    _warning(parent, "Slow phases", report.slow)
    if report.rows:
        _runs(parent, report, limits)
        _parallel(parent, report.rows[: limits.rows], drawn)
        _curves(parent, report, limits, drawn)
        _changes(parent, report.changes)
        _timeline(parent, report, limits, drawn)
        _drills(parent, report.drills)
        _costs(parent, report)
    return drawn


def _head(parent: Element, report: Report) -> None:
    add(parent, "h1", f"Runs of stack {report.stack}")
    add(parent, "p", f"Written by trainup {report.version}, {report.made}", class_="note")
    if not report.rows:
        add(parent, "p", "The stack has no runs yet: `trainup up` starts those that it declares.")
        return
    by_status = Counter(str(row.record.status) for row in report.rows)
    total = spending.by(report.attempts, lambda record: "all").get("all", spending.Spending())
    figures = {
        "Runs": ", ".join(f"{count} {status}" for status, count in sorted(by_status.items())),
        **_best(report.rows),
        "Attempts": str(total.attempts),
        "Node hours": f"{total.node_hours:.2f}",
        "Cost": _cost(total),
    }
    listed = add(parent, "dl", class_="figures")
    for name, text in figures.items():
        box = add(listed, "div")
        add(box, "dt", name)
        add(box, "dd", text)


def _best(rows: Sequence[Compared]) -> dict[str, str]:
    """The best run by the metric that most runs have."""
    for name in comparing.metrics_of(rows)[:1]:
        first = comparing.ordered(rows, name)[0]
        return {f"Best {name}": f"{number(first.metrics.get(name))}, {first.record.name}"}
    return {}


def _cost(one: spending.Spending) -> str:
    if one.without_price == one.attempts:
        return "unknown"
    return f"{one.cost:.2f} USD" + (f", {one.without_price} attempts without a price" if one.without_price else "")


def _warning(parent: Element, title: str, texts: Sequence[str]) -> None:
    if texts:
        box = add(parent, "aside", class_="warning", aria_label=title)
        add(box, "h2", title)
        points(box, texts)


def _runs(parent: Element, report: Report, limits: Limits) -> None:
    rows = report.rows[: limits.rows]
    arguments, metrics = comparing.arguments_that_differ(rows), comparing.metrics_of(rows)
    part = section(parent, "Runs and trials", _left_out(len(rows), len(report.rows), "runs"))
    titles = [Cell("Run"), Cell("Status"), Cell("Declared"), *(Cell(name) for name in arguments)]
    titles += [Cell(name, kind="number") for name in (*metrics, "Seconds", "Cost (USD)")]
    titles += [Cell("Started (UTC)"), Cell("Commit"), Cell("Failure")]
    table(part, count_of(len(rows), "run"), titles, (_run(row, arguments, metrics) for row in rows))


def _run(row: Compared, arguments: Sequence[str], metrics: Sequence[str]) -> list[Cell]:
    record = row.record
    kind = "bad" if record.status.is_failure else "good" if record.status is Status.COMPLETED else ""
    failure = f"{record.failure.failure_class}: {record.failure.message}" if record.failure else record.note
    cost = f"{record.cost:.2f}" if record.node_price is not None else UNKNOWN
    return [
        name_of(record),
        Cell(str(record.status), kind=kind),
        Cell("yes" if row.current else "no"),
        *(Cell(short(row.parameters.get(name, UNKNOWN))) for name in arguments),
        *(Cell(number(row.metrics.get(name)), kind="number") for name in metrics),
        Cell(f"{record.duration_seconds:.1f}", kind="number"),
        Cell(cost, kind="number"),
        Cell(record.created[:19].replace("T", " ") or UNKNOWN),
        _commit(record),
        Cell(short(failure)),
    ]


def name_of(record: Record) -> Cell:
    """The name of an attempt, with its page. A page on this machine is no use to others, and its address is secret."""
    return Cell(record.name, "" if record.web_url.startswith(LOOPBACK) else record.web_url)


def _commit(record: Record) -> Cell:
    git = record.git
    if not git:
        return Cell(UNKNOWN)
    text = git.commit[:12] + (", and changed files" if git.dirty else "")
    is_github = git.repository.startswith("https://github.com/")
    return Cell(text, f"{git.repository.removesuffix('.git')}/commit/{git.commit}" if is_github else "")


def _parallel(parent: Element, rows: Sequence[Compared], drawn: dict[str, Chart]) -> None:
    option = charts.parallel(rows)
    if option is None:
        return
    shown = charts.axes_of(rows)
    names = [*comparing.arguments_that_differ(rows), *comparing.metrics_of(rows)]
    left_out = [name for name in names if name not in shown]
    note = f" Without an axis: {', '.join(left_out)}." if left_out else ""
    part = section(parent, "Arguments and metrics", f"A line for each run; the table of runs has the numbers.{note}")
    label = f"Parallel coordinates of {len(rows)} runs by {', '.join(shown)}"
    _chart(part, drawn, "parallel", Chart(option, label), width=AXIS_WIDTH * len(shown))


def _curves(parent: Element, report: Report, limits: Limits, drawn: dict[str, Chart]) -> None:
    shown = dict(list(report.curves.items())[: limits.curves])
    if not shown:
        return
    left_out = [name for name in report.curves if name not in shown]
    note = f" Not shown: {', '.join(left_out)}." if left_out else ""
    part = section(parent, "Curves", f"Runs of former inputs are dashed.{note}")
    grid = add(part, "div", class_="charts")
    current = frozenset(row.record.name for row in report.rows if row.current)
    for index, (metric, lines) in enumerate(shown.items()):
        label = f"{metric} by step, of {', '.join(lines)}"
        _chart(grid, drawn, f"curve-{index}", Chart(charts.curves(metric, lines, current), label))
    details = add(part, "details")
    add(details, "summary", "First, last, lowest and highest values")
    titles = [Cell("Run"), Cell("Metric"), *(Cell(name, kind="number") for name in ("First", "Last", "Low", "High"))]
    rows = [
        [Cell(name), Cell(metric), *(Cell(number(value), kind="number") for value in _ends([y for _, y in line]))]
        for metric, lines in shown.items()
        for name, line in lines.items()
        if line
    ]
    table(details, count_of(len(rows), "curve"), titles, rows)


def _ends(values: Sequence[float]) -> tuple[float, ...]:
    finite = [value for value in values if math.isfinite(value)] or [math.nan]
    return values[0], values[-1], min(finite), max(finite)


def _changes(parent: Element, changes: Sequence[Change]) -> None:
    if not changes:
        return
    part = section(parent, "Against the runs before", "Each run beside the one before it that had other inputs.")
    for change in changes:
        add(part, "h3", f"{change.now.run}: {change.before.name} → {change.now.name}")
        titles = [Cell(""), *(Cell(name, kind="number") for name in ("Before", "Now", "Difference"))]
        metrics = sorted(change.before.metrics.keys() | change.now.metrics.keys())
        pairs = [(name, change.before.metrics.get(name), change.now.metrics.get(name)) for name in metrics]
        pairs.append(("seconds", change.before.duration_seconds, change.now.duration_seconds))
        if change.before.cost or change.now.cost:
            pairs.append(("cost in USD", change.before.cost, change.now.cost))
        table(part, "Metrics", titles, [_difference(*pair) for pair in pairs])
        kinds = {"Code": change.code, "Inputs": change.inputs, "Packages": change.packages, "Notes": change.notes}
        for title, texts in kinds.items():
            if texts:
                add(part, "h4", title)
                points(part, texts)


def _difference(name: str, before: float | None, now: float | None) -> list[Cell]:
    text = UNKNOWN
    if before is not None and now is not None and math.isfinite(now - before):
        text = f"{now - before:+.4g}".replace("-", "−") if now != before else "0"
    return [Cell(name), *(Cell(one, kind="number") for one in (number(before), number(now), text))]


def _timeline(parent: Element, report: Report, limits: Limits, drawn: dict[str, Chart]) -> None:
    attempts = [one for one in report.attempts if one.phases]
    shown = attempts[-limits.bars :]
    if not shown:
        return
    note = _left_out(len(shown), len(attempts), "attempts, the last ones")
    part = section(parent, "Phases", f"Times in which no attempt was at work are left out. {note}")
    label = f"Phases of {len(shown)} attempts as a timeline; the table below has the numbers"
    height = 110 + BAR_HEIGHT * len(shown)
    _chart(part, drawn, "timeline", Chart(charts.timeline(shown), label), height=height)
    details = add(part, "details")
    add(details, "summary", "Phases in seconds")
    phases = list(dict.fromkeys(PHASES.values()))
    titles = [Cell("Attempt"), Cell("Started (UTC)"), *(Cell(phase, kind="number") for phase in phases)]
    rows = [
        [
            Cell(one.name),
            Cell(one.created[:19].replace("T", " ") or UNKNOWN),
            *(Cell(f"{one.phases[name]:.1f}" if name in one.phases else UNKNOWN, kind="number") for name in phases),
        ]
        for one in shown
    ]
    table(details, count_of(len(shown), "attempt"), titles, rows)


def _drills(parent: Element, drills: Sequence[DrillResult]) -> None:
    if not drills:
        return
    part = section(parent, "Eviction drills", "A copy of a run whose node was taken away, beside the run itself.")
    titles = [Cell("Run"), Cell("Result"), Cell("Ended (UTC)")]
    steps = ("Evicted after step", "Seen again at step", "Last step", "Last step of the run")
    titles += [Cell(name, kind="number") for name in steps]
    rows = []
    for one in reversed(drills[-MOST_DRILLS:]):
        result = Cell("failed", kind="bad") if one.problem else Cell("survived", kind="good")
        result = Cell("not known") if one.doubt else result
        numbers = (one.evicted_step, one.resumed_step, one.final_step, one.original_step)
        counts = [Cell(UNKNOWN if step is None else str(step), kind="number") for step in numbers]
        rows.append([Cell(one.run), result, Cell(one.time[:19].replace("T", " ") or UNKNOWN), *counts])
    table(part, count_of(len(rows), "drill"), titles, rows)
    told = [(one.run, one.problem or one.doubt) for one in reversed(drills[-MOST_DRILLS:])]
    points(part, (f"{run}: {text}" for run, text in told if text))


def _costs(parent: Element, report: Report) -> None:
    part = section(parent, "Cost", "Of nodes while they prepared, worked and collected results, of all attempts.")
    titles = [Cell("Run"), *(Cell(name, kind="number") for name in ("Attempts", "Node hours", "Cost"))]
    sums = spending.by(report.attempts, lambda record: record.run)
    rows = [
        [Cell(run), *(Cell(text, kind="number") for text in (str(one.attempts), f"{one.node_hours:.2f}", _cost(one)))]
        for run, one in sums.items()
    ]
    table(part, "By run", titles, rows)


def _chart(
    parent: Element, drawn: dict[str, Chart], name: str, chart: Chart, *, width: int = 0, height: int = 0
) -> None:
    figure = add(parent, "figure", hidden="hidden")
    box = add(figure, "div", class_="scroll", tabindex="0", role="region", aria_label=chart.label) if width else figure
    style = f"min-width: {width}px; " * bool(width) + f"height: {height}px" * bool(height)
    add(box, "div", id=name, class_="chart", role="img", aria_label=chart.label, **({"style": style} if style else {}))
    drawn[name] = chart


def _left_out(shown: int, all_: int, what: str) -> str:
    return f"{shown} of {all_} {what}, so that the page stays small." if shown < all_ else ""


def count_of(number: int, what: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def number(value: float | None) -> str:
    """Four significant digits."""
    return UNKNOWN if value is None else f"{value:.4g}"


def short(text: str) -> str:
    """One line, cut where it is too long for a table."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
