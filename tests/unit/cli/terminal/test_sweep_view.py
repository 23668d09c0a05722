"""What is shown of a recorded `up` of a sweep on two slots: a trial fails, and another is the best."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.support import golden
from tests.unit.cli.terminal.test_view import played
from trainup.cli.terminal import plain
from trainup.cli.terminal.live import Live
from trainup.cli.terminal.view import end

RECORDED = Path(__file__).with_name("sweep.jsonl").read_text().splitlines()
FIRST_END = next(number for number, line in enumerate(RECORDED) if "done" in line)


def test_without_a_terminal_each_trial_has_a_line_as_it_begins_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    view, lines = played(RECORDED)
    with plain.Plain(view) as display:
        for line in [*lines, *end(view)]:
            display.show(line)
    golden.matches("sweep-up.txt", capsys.readouterr().out)


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("moment", ["live", "end"])
def test_on_a_terminal_the_sweep_has_a_line_at_the_bottom_and_its_best_trial_at_the_end(
    moment: str, columns: int, colour: bool
) -> None:
    view, lines = played(RECORDED[: FIRST_END + 1] if moment == "live" else RECORDED)
    written = io.StringIO()
    system = "standard" if colour else None
    console = Console(
        file=written, width=columns, height=20, force_terminal=colour, color_system=system, highlight=False
    )
    display = Live(view, console)
    for line in [*lines, *(end(view) if moment == "end" else [])]:
        display.show(line)
    if moment == "live":
        console.print(display.rows())
    golden.matches(f"sweep-up-{moment}-{columns}{'-colour' if colour else ''}.txt", written.getvalue())
    rows = Console(file=io.StringIO(), width=columns, height=20)
    with rows.capture() as capture:
        rows.print(display.rows())
    assert all(len(line) <= columns for line in capture.get().splitlines())
