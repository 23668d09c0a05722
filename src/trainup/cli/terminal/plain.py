"""Shows the view where there is no terminal: every line once, in order, and nothing else."""

from trainup.cli.terminal.lines import Line
from trainup.cli.terminal.view import View


class Plain:
    """Prints lines to standard output."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __enter__(self) -> "Plain":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, line: Line) -> None:
        """Print a line that stays."""
        print(f"{line.run} | {line.text}" if line.run else line.text, flush=True)

    def refresh(self) -> None:
        """There is nothing that moves."""
