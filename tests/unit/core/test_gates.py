"""Rules of gates: how they are written, and what becomes of them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.gates import BetterThanLive, Rule, judge, parse_rules
from trainup.core.models import ModelVersion, from_wire, nothing

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
LIVE = ModelVersion("digits", "aaa", metrics={"accuracy": 0.97, "valid_loss": 0.2})


def rule(text: str) -> Rule:
    rules, problems = parse_rules([text])
    assert problems == []
    return rules[0]


def verdict(text: str, live: ModelVersion = LIVE, candidate: str = "bbb", **metrics: float) -> tuple[bool, str]:
    judgment = rule(text).judge(metrics, live, candidate)
    return judgment.holds, judgment.reason


@pytest.mark.parametrize(
    "text", ["accuracy >= 0.97", "accuracy better than live", "valid_loss better than live by 0.1"]
)
def test_a_rule_is_shown_as_it_is_written(text: str) -> None:
    assert rule(text).text == text


def test_a_rule_without_a_metric_is_about_the_one_that_the_others_name() -> None:
    rules, problems = parse_rules(["better than live by 0.002", "accuracy >= 0.9"])
    assert (rules[0], problems) == (BetterThanLive("accuracy", 0.002), [])


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["better than live"], "no other rule names one"),
        (["better than live", "a > 1", "b > 1"], "the other rules name a, b"),
        (["accuracy"], "is no rule: it is `METRIC >= NUMBER`"),
        (["accuracy >= high"], "'high' is no number"),
        (["accuracy >= nan"], "is no number"),
        (["accuracy better than live by -1"], "a number from 0 on"),
        (["accuracy better than live by much"], "'much' is no margin"),
    ],
)
def test_what_is_no_rule_is_told(texts: list[str], said: str) -> None:
    (problem,) = parse_rules(texts)[1]
    assert problem[0] == 0
    assert said in problem[1]


def test_a_threshold_tells_the_value_and_the_limit() -> None:
    assert verdict("accuracy >= 0.97", accuracy=0.98) == (True, "accuracy is 0.98, and >= 0.97")
    assert verdict("accuracy >= 0.97", accuracy=0.9158) == (False, "accuracy is 0.9158, and not >= 0.97")


def test_better_is_higher_and_lower_for_losses() -> None:
    assert verdict("accuracy better than live", accuracy=0.98)[0]
    assert not verdict("accuracy better than live", accuracy=0.97)[0]
    assert verdict("valid_loss better than live", valid_loss=0.1)[0]
    assert "since lower is better" in verdict("valid_loss better than live", valid_loss=0.3)[1]


def test_a_margin_counts_though_numbers_are_binary() -> None:
    assert verdict("accuracy better than live by 0.002", accuracy=0.972)[0]
    assert verdict("accuracy better than live by 0.002", accuracy=0.9719) == (
        False,
        "accuracy is 0.9719, and live, aaa, has 0.97: not better by 0.002",
    )


def test_the_first_model_is_better_than_nothing_and_live_is_as_good_as_itself() -> None:
    assert verdict("accuracy better than live", nothing("digits"), accuracy=0.1)[0]
    assert verdict("accuracy better than live", candidate="aaa", accuracy=0.97)[0]


def test_a_missing_metric_and_nan_meet_no_rule() -> None:
    assert verdict("acuracy >= 0", accuracy=1.0, loss=1.0) == (
        False,
        "it has no metric 'acuracy'; there are accuracy, loss: did you mean accuracy?",
    )
    for text in ("accuracy >= 0", "accuracy != 3", "accuracy better than live"):
        assert verdict(text, accuracy=math.nan) == (False, "accuracy is NaN, which meets no rule")
    holds, reason = verdict("f1 better than live", f1=1.0)
    assert not holds
    assert "nobody can tell which is better" in reason


@given(NUMBERS, NUMBERS, st.floats(0, 1e6))
def test_of_two_models_at_most_one_is_better(first: float, second: float, by: float) -> None:
    better = BetterThanLive("accuracy", by)

    def wins(candidate: float, live: float) -> bool:
        return better.judge({"accuracy": candidate}, ModelVersion("m", "live", metrics={"accuracy": live}), "new").holds

    assert not (wins(first, second) and wins(second, first))
    assert not wins(first, first)


@given(NUMBERS, NUMBERS)
def test_a_threshold_is_the_comparison_of_numbers(value: float, limit: float) -> None:
    assert verdict(f"a >= {limit!r}", a=value)[0] == (value >= limit)
    assert verdict(f"a < {limit!r}", a=value)[0] == (value < limit)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_texts_are_rules_or_told(texts: list[str]) -> None:
    rules, problems = parse_rules(texts)
    assert len(rules) + len(problems) == len(texts)
    for judgment in judge(rules, {}, LIVE, "bbb"):
        assert not judgment.holds


def test_a_version_is_the_same_after_its_way_over_the_wire() -> None:
    version = ModelVersion("m", "v", "id", "uri", "model.pkl", "d", "r", "rd", "i", "c", {"pets": "x"}, {"a": 1.0})
    assert from_wire({**version.to_wire(), "of_a_later_trainup": 1}) == version
