"""What a sweep may say, and what is told of each mistake."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sweeps import EVERY_DISTRIBUTION, OBJECTIVE, RANDOM, SPACE, declaration, sweep
from trainup.core.sweeps.commands import command_findings
from trainup.core.sweeps.declaration import Bandit, Goal, MedianStopping, TruncationSelection
from trainup.core.sweeps.distributions import Choice, Normal, Randint, Uniform
from trainup.core.sweeps.parsing import parse_sweep

REPOSITORY = Path(__file__).parents[4]
POLICIES: list[Any] = [
    None,
    {"type": "median_stopping", "evaluation_interval": 2, "delay_evaluation": 5},
    {"type": "bandit", "slack_factor": 0.1},
    {"type": "bandit", "slack_amount": 0.2, "delay_evaluation": 3},
    {"type": "truncation_selection", "truncation_percentage": 25},
]


def test_every_distribution_of_azure_ml_is_read() -> None:
    space = dict(sweep(**RANDOM, search_space=EVERY_DISTRIBUTION).search_space)
    assert space == {
        "list": Choice((1, "two", 0.5)),
        "choice": Choice((16, 32)),
        "randint": Randint(10),
        "uniform": Uniform(0, 0.5),
        "quniform": Uniform(10, 100, 10),
        "loguniform": Uniform(-6, -1, is_log=True),
        "qloguniform": Uniform(0, 3, 0.5, is_log=True),
        "normal": Normal(0, 1),
        "qnormal": Normal(10, 3, 1),
        "lognormal": Normal(-2, 0.5, is_log=True),
        "qlognormal": Normal(3, 1, 2, is_log=True),
    }


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_kept_in_the_state_reads_back_as_the_same_sweep(policy: Any) -> None:
    limits = {"max_total_trials": 10, "max_concurrent_trials": 2, "timeout": "2h", "trial_timeout": "90s"}
    sampling = {"type": "random", "seed": 3}
    whole = sweep(sampling_algorithm=sampling, search_space=EVERY_DISTRIBUTION, limits=limits, early_termination=policy)
    assert parse_sweep(whole.to_wire()) == (whole, [])


def test_the_same_sweep_in_other_spellings_is_the_same() -> None:
    short, long = (
        sweep(),
        sweep(
            sampling_algorithm={"type": "Grid"},
            search_space={"lr": {"type": "choice", "values": [0.10, 0.01]}, "batch": [16.0, 32, 64]},
            objective={"primary_metric": "accuracy", "goal": "Maximize"},
            limits={},
        ),
    )
    assert short == long
    assert short.to_wire() == long.to_wire()


def test_policies_are_read_with_their_defaults() -> None:
    declared = [sweep(early_termination=policy).early_termination for policy in POLICIES]
    assert declared == [
        None,
        MedianStopping(evaluation_interval=2, delay_evaluation=5),
        Bandit(slack_factor=0.1),
        Bandit(slack_amount=0.2, delay_evaluation=3),
        TruncationSelection(truncation_percentage=25),
    ]


def test_a_slack_of_zero_beside_the_other_one_is_none() -> None:
    """A job file that Azure ML's client wrote has both."""
    declared = sweep(early_termination={"type": "bandit", "slack_factor": 0.2, "slack_amount": 0.0})
    assert declared.early_termination == Bandit(slack_factor=0.2)


def test_the_sweep_in_the_documents_is_right() -> None:
    text = (REPOSITORY / "docs" / "sweeps.md").read_text()
    runs = yaml.safe_load(text.partition("```yaml")[2].partition("```")[0])["config"]["trainup:runs"]
    parsed, told = parse_sweep(runs["rates"]["sweep"])
    assert parsed is not None, told
    assert command_findings(parsed, runs["rates"]["arguments"]) == []


def test_a_grid_has_as_many_trials_as_points_and_the_others_say_how_many() -> None:
    assert (sweep().total, sweep(limits={"max_total_trials": 4}).total) == (6, 4)
    assert sweep(**{**RANDOM, "limits": {"max_total_trials": 1000}}, search_space=EVERY_DISTRIBUTION).total == 1000
    assert sweep(limits={"max_concurrent_trials": 2}).concurrent == 2
    assert sweep().concurrent == 6
    assert sweep(objective={**OBJECTIVE, "goal": "minimize"}).objective.goal is Goal.MINIMIZE


def test_a_number_that_yaml_takes_for_a_text_is_read_as_azure_ml_reads_it() -> None:
    space = {"a": {"type": "uniform", "min_value": "1e-3", "max_value": "1e-1"}, "b": ["1e-3", "1e-2"]}
    declared = dict(sweep(**RANDOM, search_space=space).search_space)
    assert declared == {"a": Uniform(0.001, 0.1), "b": Choice(("1e-3", "1e-2"))}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*declaration(), "early_termination", "limits"]), JSON)
def test_anything_at_all_is_a_sweep_or_has_findings(key: str, value: Any) -> None:
    parsed, told = parse_sweep(declaration(**{key: value}))
    assert (parsed is None) == bool(told)


@given(
    st.sampled_from([*EVERY_DISTRIBUTION]), st.sampled_from(["type", "values", "upper", "min_value", "q", "mu"]), JSON
)
def test_any_value_of_a_distribution_is_one_or_has_findings(name: str, key: str, value: Any) -> None:
    given = EVERY_DISTRIBUTION[name]
    changed = {**given, key: value} if isinstance(given, dict) else [*given, value]
    parsed, told = parse_sweep(declaration(**RANDOM, search_space={**SPACE, name: changed}))
    assert (parsed is None) == bool(told)
    assert parsed is None or parse_sweep(parsed.to_wire()) == (parsed, [])
