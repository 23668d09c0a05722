"""What is shown of a recorded `up` of three runs on two slots: one waits, one fails."""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from trainup.cli.exit_codes import ExitCode
from trainup.cli.terminal import command, events, plain
from trainup.cli.terminal.child import Ended
from trainup.cli.terminal.lines import Line, seconds_of
from trainup.cli.terminal.live import Live
from trainup.cli.terminal.view import View, end

HERE = Path(__file__).parent
RECORDED = (HERE / "up.jsonl").read_text().splitlines()
EPOCH_2 = next(number for number, line in enumerate(RECORDED) if "epoch 2" in line)
RUN = "urn:pulumi:local::demo::trainup:index:TrainingRun$trainup:index:Run::one-job"
STACK = "urn:pulumi:local::demo::pulumi:pulumi:Stack::demo-local"

CHANGED = json.dumps({"summaryEvent": {"isPreview": False, "durationSeconds": 1, "resourceChanges": {"create": 1}}})


class Clock:
    """Goes on by a tenth of a second at each event."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def played(lines: Iterable[str]) -> tuple[View, list[Line]]:
    """The view after these events, and the lines that it gave."""
    clock = Clock()
    view, shown = View(now=clock, is_preview=True), []
    for line in lines:
        clock.seconds += 0.1
        if (event := events.parse(line)) is not None:
            shown += view.take(event)
    return view, shown


def message(text: str, urn: str = RUN, **more: Any) -> str:
    return json.dumps({"diagnosticEvent": {"urn": urn, "message": text, "severity": "info", **more}})


def step(moment: str, operation: str, **more: Any) -> str:
    state = {"type": "trainup:index:Run", "urn": RUN, "custom": True, "inputs": {"run": "one"}}
    new = state | more
    metadata = {"op": operation, "urn": new["urn"], "type": new["type"], "new": new, "old": None}
    return json.dumps({moment: {"metadata": metadata}})


GATE = {"type": "trainup:index:LiveModel", "urn": f"{STACK}-gate", "outputs": {"passed": False}}
REFUSED = step("resOpFailedEvent", "create", **GATE)


def compare(name: str, text: str) -> None:
    golden = HERE / "golden" / name
    assert text == golden.read_text(), f"if this is right, write it to {golden}"


def test_without_a_terminal_every_line_comes_once(capsys: pytest.CaptureFixture[str]) -> None:
    view, lines = played(RECORDED)
    with plain.Plain(view) as display:
        for line in [*lines, *end(view)]:
            display.show(line)
    printed = capsys.readouterr().out
    compare("plain.txt", printed)
    assert "\x1b" not in printed
    log = [line for line in printed.splitlines() if " | " in line]
    assert len(log) == len(set(log)) == 10


@pytest.mark.parametrize("colored", [False, True])
@pytest.mark.parametrize("width", [80, 120, 200])
def test_on_a_terminal_what_moves_has_a_line_at_the_bottom(width: int, colored: bool) -> None:
    view, lines = played(RECORDED[: EPOCH_2 + 1])
    written = io.StringIO()
    color = "standard" if colored else None
    console = Console(file=written, width=width, height=20, force_terminal=colored, color_system=color, highlight=False)
    display = Live(view, console)
    for line in lines:
        display.show(line)
    console.print(display.rows())
    compare(f"live-{width}{'-color' if colored else ''}.txt", written.getvalue())
    assert all(len(line) <= width for line in written.getvalue().splitlines() if not colored)


def test_more_rows_than_lines_are_counted() -> None:
    view, _ = played(RECORDED[: EPOCH_2 + 1])
    console = Console(file=io.StringIO(), width=80, height=3)
    with console.capture() as capture:
        console.print(Live(view, console).rows())
    assert "and 2 more" in capture.get()


def test_the_end_names_every_run_and_why_one_failed() -> None:
    view, _ = played(RECORDED)
    texts = [line.text for line in end(view)]
    assert {text.split(":")[0] for text in texts[:3]} == {"baseline", "tuned", "wide"}
    assert "error: wide: wide-64f36b9241b2 Failed (user_code): the command ended with exit code 3" in texts
    assert texts[-1].startswith("13 created, 1 failed; ")
    assert not view.rows


def test_an_unchanged_stack_is_one_line() -> None:
    same = step("resourcePreEvent", "same")
    summaries = [
        {"isPreview": is_preview, "durationSeconds": 1, "resourceChanges": {"same": 9}} for is_preview in (1, 0)
    ]
    view, lines = played([same, *(json.dumps({"summaryEvent": one}) for one in summaries)])
    assert ([line.text for line in lines], [line.text for line in end(view)]) == ([], ["9 unchanged; 1 s"])


def test_unchanged_outputs_and_unknown_ones_are_not_listed() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    old = {"platform": {"target": "local", "image": "a"}, "runs": {"one": {"status": "Failed"}}}
    new = {"platform": {"target": "local", "image": "b", "id": unknown}, "runs": {"one": {"status": "Completed"}}}
    states = {"old": {"outputs": old}, "new": {"outputs": new}}
    metadata = {"op": "update", "urn": STACK, "type": "pulumi:pulumi:Stack", **states}
    summary = {"summaryEvent": {"isPreview": True, "resourceChanges": {"update": 1}}}
    done = {"resOutputsEvent": {"metadata": metadata}}
    _, lines = played(map(json.dumps, (done, summary, done)))
    assert [line.text for line in lines] == ["1 to update", "platform.image: b"]


def outputs_of(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The lines of a preview and then of an update that changes these outputs, and the last lines of the preview."""
    states = {"old": {"outputs": old}, "new": {"outputs": new}}
    metadata = {"op": "same", "urn": STACK, "type": "pulumi:pulumi:Stack", **states}
    done, summary = {"resOutputsEvent": {"metadata": metadata}}, {"summaryEvent": {"isPreview": True}}
    view, planned = played(map(json.dumps, (done, summary)))
    last = [line.text for line in end(view)][:-1]
    failed, _ = played([message("a bug", severity="error"), *map(json.dumps, (done, summary))])
    texts = [line.text for line in end(failed)]
    assert texts[:-1] == ["error: one: a bug"], "the outputs of a program that failed are not all there"
    _, lines = played(map(json.dumps, (done, summary, done)))
    assert planned == []
    assert [line.text for line in lines] == last, "a preview tells the same as the update"
    return last


def test_outputs_are_told_in_json_and_secrets_as_such() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
    new = {"key": secret, "deep": {"keys": [secret], "text": "a"}, "is_open": True, "sizes": ["b", 1, None]}
    assert outputs_of({}, new) == [
        'deep.keys: ["[secret]"]',
        "deep.text: a",
        "is_open: true",
        "key: [secret]",
        'sizes: ["b", 1, null]',
    ]
    assert outputs_of(new, new) == []


def test_the_last_lines_of_a_log_do_not_move_the_cursor_or_color_what_follows() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    with console.capture() as capture:
        Live(View(), console).show(Line("  \x1b[2A\x1b[31mred"))
    assert capture.get() == "  \x1b[31mred\x1b[0m\n"


@pytest.mark.parametrize("attempt", ["e553eeed-014c-5966-93b9-2ab35386cdf1", "one-0123456789ab-20270104T020000Z"])
def test_the_status_of_what_azure_ml_named_is_a_status_and_no_line_of_the_log(attempt: str) -> None:
    texts = [f"{attempt}: Running", f"{attempt}: was Queued for 3.0 s", "epoch: Running"]
    progress = [message(f"{text}\n", ephemeral=True) for text in texts]
    view, lines = played(
        [json.dumps({"summaryEvent": {"isPreview": True}}), step("resourcePreEvent", "update"), *progress]
    )
    assert [line.text for line in lines] == ["one: Running", "one: was Queued for 3.0 s", "epoch: Running"]
    assert view.rows[RUN].phase == "Running"


def test_warnings_come_once_though_preview_and_update_both_tell_them() -> None:
    warning = message("the quota was not looked up\n", severity="warning")
    _, lines = played([warning, json.dumps({"summaryEvent": {"isPreview": True}}), warning])
    assert [line.text for line in lines] == ["warning: one: the quota was not looked up"]


def test_a_refresh_tells_what_is_otherwise_and_nothing_else() -> None:
    same = step("resOutputsEvent", "refresh", outputs={}, old=None)
    assert played([step("resourcePreEvent", "refresh"), same])[1] == []
    changed = json.loads(step("resOutputsEvent", "refresh", outputs={"status": "Canceled", "name": "a"}))
    changed["resOutputsEvent"]["metadata"]["old"] = {"outputs": {"status": "Completed", "name": "a"}, "custom": True}
    (line,) = played([json.dumps(changed)])[1]
    assert line.text == " ~ Run one has changed  [status]"


def test_a_line_that_was_cut_off_or_is_of_a_newer_pulumi_is_left_out() -> None:
    assert [events.parse(line) for line in ('{"diagnosticEvent": {"mess', "", '{"newEvent": {}}', "{}")] == [None] * 4


def test_the_colors_of_a_script_stay_within_its_line() -> None:
    summary = json.dumps({"summaryEvent": {"isPreview": True}})
    begun, red = step("resourcePreEvent", "create"), message("\x1b[31mred\n", ephemeral=True)
    view, lines = played([summary, begun, red])
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    with console.capture() as capture:
        Live(view, console).show(lines[-1])
    assert capture.get() == "\x1b[36mone | \x1b[0m\x1b[31mred\x1b[0m\n"


@pytest.mark.parametrize(
    ("lines", "ended", "code"),
    [
        ([], Ended(0), ExitCode.DONE),
        ([], Ended(255, printed="error: the stack is locked"), ExitCode.FAILED),
        ([], Ended(1, printed="error: unknown flag: --nonsense"), ExitCode.REFUSED),
        ([], Ended(2, printed="error: --yes or --skip-preview must be passed"), ExitCode.REFUSED),
        ([], Ended(255, interrupted=2), ExitCode.INTERRUPTED),
        ([], Ended(-9), 137),
        ([message("wrong key", severity="error")], Ended(255), ExitCode.REFUSED),
        ([message("a bug", severity="error"), CHANGED], Ended(255), ExitCode.FAILED),
        (RECORDED, Ended(255), ExitCode.TRAINING_FAILED),
        ([step("resOpFailedEvent", "create", outputs={})], Ended(255), ExitCode.FAILED),
        ([REFUSED], Ended(255), ExitCode.GATE_REFUSED),
        ([*RECORDED, REFUSED], Ended(255), ExitCode.TRAINING_FAILED),
        ([step("resOpFailedEvent", "create", outputs={}), REFUSED], Ended(255), ExitCode.FAILED),
    ],
)
def test_exit_codes_tell_failures_apart(lines: list[str], ended: Ended, code: int) -> None:
    assert command.exit_code(played(lines)[0], ended) == code


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (3, "3 s"), (9.96, "10.0 s"), (59.4, "59 s"), (75, "1:15"), (3723, "1:02:03")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert seconds_of(seconds) == text


def test_options_that_only_pulumis_display_knows_are_left_to_it() -> None:
    assert command.wants_pulumi(["up", "--diff"])
    assert command.wants_pulumi(["preview", "--json=true"])
    assert not command.wants_pulumi(["up", "--yes", "--target", "--diffs"])
