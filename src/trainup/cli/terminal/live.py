"""Shows the view on a terminal: lines scroll up, and what moves has a line each at the bottom. Drawn by rich."""

from rich.console import Console
from rich.live import Live as RichLive
from rich.table import Table
from rich.text import Text

from trainup.cli.terminal.lines import Line, Style, seconds_of
from trainup.cli.terminal.view import Row, View

COLORS = {
    Style.PLAIN: "",
    Style.FAINT: "dim",
    Style.GOOD: "green",
    Style.NEW: "green",
    Style.CHANGED: "yellow",
    Style.WARNING: "yellow",
    Style.BAD: "red",
}
RUN_COLORS = ("cyan", "magenta", "blue", "yellow", "green")
FRAMES_PER_SECOND = 4


class Live:
    """Draws on a terminal of any width; it is as before when this ends, however it ends."""

    def __init__(self, view: View, console: Console | None = None) -> None:
        self.view = view
        self.console = console or Console(highlight=False)
        self._live = RichLive(
            console=self.console,
            get_renderable=self.rows,
            refresh_per_second=FRAMES_PER_SECOND,
            transient=True,
            vertical_overflow="crop",
        )
        self._colors: dict[str, str] = {}

    def __enter__(self) -> "Live":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, line: Line) -> None:
        """Print a line that stays, above those that move."""
        if line.is_in_row:
            return
        # What a script prints may have colors of its own; the last lines of its log stand in an error too.
        text = Text.from_ansi(line.text, style=COLORS[line.style])
        if line.run:
            color = self._colors.setdefault(line.run, RUN_COLORS[len(self._colors) % len(RUN_COLORS)])
            text = Text.assemble((f"{line.run} | ", color), Text.from_ansi(line.text))
        # The terminal wraps long lines, so that whoever copies one gets it whole.
        self.console.print(text, soft_wrap=True)

    def refresh(self) -> None:
        """Draw the rows again."""
        self._live.refresh()

    def rows(self) -> Table:
        """What moves now, a row each, as many as the terminal has lines."""
        rows = list(self.view.rows.values())
        room = max(1, self.console.height - 2)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        for _ in ("name", "state", "seconds"):
            table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
        for row in rows[:room]:
            table.add_row(*self._row(row))
        if len(rows) > room:
            table.add_row(Text(f"and {len(rows) - room} more", style="dim"))
        return table

    def _row(self, row: Row) -> tuple[Text, Text, Text, Text]:
        state = row.phase or ("starting" if row.is_run else "at work")
        seconds = seconds_of(int(self.view.now() - row.started))
        return Text(row.name, style="bold"), Text(state), Text(seconds, justify="right"), _detail(row.detail)


def _detail(text: str) -> Text:
    detail = Text.from_ansi(text)
    detail.stylize("dim")
    return detail
