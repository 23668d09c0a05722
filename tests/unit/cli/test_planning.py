"""What becomes of a preview's output: the plan as text, Markdown and JSON, and what is said of one that failed."""

import json
from typing import Any

import pytest

from trainup.cli.planning import markdown, texts
from trainup.cli.planning.plan import plan_of
from trainup.cli.planning.preview import parse
from trainup.cli.stack import StackError
from trainup.core.facts import MARK

URN = "urn:pulumi:dev::trainup::{}::{}"
RUN = URN.format("trainup:index:TrainingRun$trainup:index:Run", "digits-job")
LONG = "access-5ab0f3e2-0000-4000-8000-000000000003-storage-file-data-privileged-contributor"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "c1ph3r"}
FACTS = {
    "name": "digits",
    "kind": "run",
    "action": "replace",
    "reasons": [
        {"key": "source", "text": "training/train.py changed (+1 −1)", "in_place": False, "lines": ["-a", "+```b"]},
        {"key": "timeout", "text": "timeout: 1h → 2h", "in_place": True, "lines": []},
    ],
    "uploads": [],
    "notes": ["whether @everyone | *knows* is <b>not</b> known"],
}


def step(op: str, urn: str, **more: Any) -> dict[str, Any]:
    state = {"urn": urn, "custom": True, "inputs": {"run": "digits", "secrets": SECRET, "plain": "pl4in-t3xt"}}
    return {"op": op, "urn": urn, "newState": state, "oldState": state, **more}


def printed(*steps: dict[str, Any], diagnostics: tuple[dict[str, str], ...] = ()) -> str:
    return json.dumps({"steps": steps, "diagnostics": [*diagnostics]})


STEPS = (
    step("same", URN.format("pulumi:pulumi:Stack", "trainup-dev")),
    step("delete-replaced", RUN),
    step("replace", RUN, diffReasons=["arguments[1]"]),
    step("create-replacement", RUN),
    step("create", URN.format("trainup:index:Grant", LONG)),
    step("update", URN.format("azure-native:storage:StorageAccount", "data"), diffReasons=["tags.team"]),
    step("same", URN.format("trainup:index:Pool", "pool")),
)
DIAGNOSTICS = (
    {"urn": RUN, "message": f"<{{%reset%}}>{MARK}{json.dumps(FACTS)}\n", "severity": "info"},
    {"urn": RUN, "message": "<{%fg 3%}>warning: the disk is nearly full<{%reset%}>\n", "severity": "warning"},
)


PRICE = {"amount": 0.5, "currency": "USD", "unit": "hour", "source": "Azure's retail prices", "date": "2026-11-28"}
ESTIMATE = {
    "currency": "USD",
    "runs": {"digits": {"per_hour": 0.5, "at_most": 1.0, "why": "1 node for 2 h", "currency": "USD"}},
    "per_hour": 0.5,
    "at_most": 1.0,
    "idle": {"registry": 5.0},
    "idle_per_month": 5.0,
    "by_use": {},
    "unknown": {},
}
COSTS = URN.format("trainup:index:CostEstimate", "costs")


def test_costs_are_a_section_of_the_plan_and_are_told_once() -> None:
    costs = step("same", COSTS)
    costs["newState"]["inputs"] = {"estimate": ESTIMATE, "prices": {"Standard_NC4as_T4_v3 spot": PRICE}}
    note = {"urn": COSTS, "message": "what this stack can cost, in USD", "severity": "info"}
    warning = {"urn": COSTS, "message": "run digits has no price", "severity": "warning"}
    told = plan_of(parse(printed(costs, diagnostics=(note, warning)), "", 0), "dev")
    assert told["sections"][0]["values"]["at_most"] == 1.0
    text = texts.as_text(told, 80)
    assert text.count("hat this stack can cost") == 1
    assert "    run digits: at most 1.00 (1 node for 2 h)" in text.splitlines()
    assert "warning (costs): run digits has no price" in text
    assert "run digits" in markdown.as_markdown(told)


def plan() -> dict[str, Any]:
    return plan_of(parse(printed(*STEPS, diagnostics=DIAGNOSTICS), "", 0), "dev")


TEXT = """\
Plan of stack dev: 1 to create, 1 to update, 1 to replace, 1 unchanged

ACTION   RESOURCE                        TYPE            DIFFERS IN
create   access-5ab0f3e2-0000-4000-800…  Grant
update   data                            StorageAccount  tags.team
replace  digits-job                      Run

Run digits: replace
    why      training/train.py changed (+1 −1)
    in place timeout: 1h → 2h
    note     whether @everyone | *knows* is <b>not</b> known
    training/train.py changed (+1 −1)
    -a
    +```b

warning (digits-job): the disk is nearly full"""


def test_a_plan_for_people_keeps_to_the_width() -> None:
    assert texts.as_text(plan(), 80) == TEXT
    assert LONG in texts.as_text(plan(), 160)
    assert max(map(len, texts.as_text(plan(), 60).splitlines())) <= 60


def test_a_plan_for_programs_holds_no_values_of_resources() -> None:
    text = json.dumps(plan())
    assert "pl4in" not in text
    assert "c1ph3r" not in text
    assert plan()["counts"] == {"create": 1, "update": 1, "replace": 1, "same": 1}
    assert plan()["runs"][0]["reasons"][1]["text"] == "timeout: 1h → 2h"


def test_nothing_in_a_plan_can_format_a_comment_or_mention_anybody() -> None:
    text = markdown.as_markdown(plan())
    assert r"whether &#64;everyone \| \*knows\* is \<b\>not\</b\> known" in text
    assert "````diff\n-a\n+```b\n````" in text, "the fence is longer than any in the lines"


def test_a_preview_that_fails_is_a_plan_with_its_findings() -> None:
    error = {"urn": RUN, "message": "<{%fg 1%}>error: timout is no key\n", "severity": "error"}
    failed = plan_of(parse(printed(diagnostics=(error,)), "", 255), "dev")
    assert (failed["ok"], failed["findings"]) == (False, ["timout is no key"])
    assert texts.as_text(failed, 80) == "The preview of stack dev failed:\n  timout is no key"
    assert "timout is no key" in markdown.as_markdown(failed)


@pytest.mark.parametrize(
    ("output", "errors", "finding"),
    [
        ("", "error: no stack", "no stack"),
        ("{}", "error: killed", "killed"),
        ("", "", "the preview ended with exit code 255"),
    ],
)
def test_a_preview_that_prints_no_plan_says_why(output: str, errors: str, finding: str) -> None:
    assert list(parse(output, errors, 255).findings) == [finding]


def test_a_preview_that_succeeds_without_a_plan_is_an_error() -> None:
    with pytest.raises(StackError, match="printed no plan"):
        parse("Previewing", "", 0)


def test_a_stack_without_changes_is_one_line() -> None:
    same = plan_of(parse(printed(*(step("same", RUN),)), "", 0), "dev")
    assert texts.as_text(same, 80) == "Plan of stack dev: 1 unchanged"
