"""What decides whether a run trains again, and what does not."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.choices import OnDelete, OnFailure, OnInterrupt, OnPreemption, QueueTier
from trainup.core.spec import IDENTITY_FIELDS, POLICY_FIELDS, RunSpec

TEXT = st.text(min_size=1)
TABLE = st.dictionaries(TEXT, TEXT, min_size=1)
IDENTITY: dict[str, st.SearchStrategy[Any]] = {
    "command": st.lists(TEXT, min_size=1).map(tuple),
    "snapshot": TEXT,
    "image": TEXT,
    "conda": TEXT,
    "environment_variables": TABLE,
    "secrets": st.lists(TEXT, min_size=1, unique=True).map(sorted).map(tuple),
    "inputs": st.dictionaries(TEXT, st.fixed_dictionaries({"digest": TEXT}), min_size=1),
    "outputs": st.dictionaries(TEXT, st.fixed_dictionaries({"mode": TEXT}), min_size=1),
    "shell": st.just(True),
    "after": TABLE,
    "distribution": st.fixed_dictionaries({"type": st.just("pytorch"), "process_count_per_node": st.integers(2, 64)}),
    "nodes": st.integers(2, 1000),
    "size": TEXT,
    "rerun": TEXT,
}
POLICY: dict[str, Any] = {
    "display_name": "x",
    "description": "x",
    "experiment_name": "x",
    "tags": {"a": "b"},
    "timeout": 5.0,
    "queue_timeout": 5.0,
    "retries": 3,
    "on_preemption": OnPreemption.FAIL,
    "shm_size": "8g",
    "services": {"lab": {"type": "jupyter_lab"}},
    "docker_args": "--ulimit memlock=-1",
    "queue_tier": QueueTier.SPOT,
    "node_price": 0.5,
    "schedule": {"expression": "0 3 * * 1", "time_zone": "UTC"},
    "wait": False,
    "on_failure": OnFailure.KEEP,
    "on_interrupt": OnInterrupt.CANCEL,
    "on_delete": OnDelete.DELETE,
}
SPECS = st.fixed_dictionaries(
    {"command": IDENTITY["command"]}, optional={k: v for k, v in IDENTITY.items() if k != "command"}
)


def test_these_tests_know_every_field() -> None:
    assert IDENTITY.keys() == set(IDENTITY_FIELDS), "give IDENTITY, above, values for the new field"
    assert POLICY.keys() == set(POLICY_FIELDS), "give POLICY, above, a value for the new field that is no default"


@pytest.mark.parametrize("name", IDENTITY_FIELDS)
@given(data=st.data())
def test_an_identity_field_changes_the_digest(name: str, data: st.DataObject) -> None:
    spec = RunSpec(**data.draw(SPECS))
    other = replace(spec, **{name: data.draw(IDENTITY[name])})
    assert (spec.digest() == other.digest()) == (getattr(spec, name) == getattr(other, name))


@given(st.data())
def test_policy_never_changes_the_digest(data: st.DataObject) -> None:
    spec = RunSpec(**data.draw(SPECS))
    changed = data.draw(st.sets(st.sampled_from(POLICY_FIELDS), min_size=1))
    assert replace(spec, **{name: POLICY[name] for name in changed}).digest() == spec.digest()


@given(SPECS)
def test_a_default_that_is_written_out_changes_no_digest(given: dict[str, Any]) -> None:
    defaults = {
        item.name: item.default if item.default is not MISSING else item.default_factory()  # type: ignore[misc]
        for item in fields(RunSpec)
        if item.name != "command"
    }
    assert RunSpec(**(defaults | given)).digest() == RunSpec(**given).digest()


@given(SPECS)
def test_a_field_that_is_added_later_retrains_nobody(given: dict[str, Any]) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Later(RunSpec):
        precision: str = field(default="full", metadata={"identity": True})

    assert Later(**given).digest() == RunSpec(**given).digest()
    assert Later(**given, precision="half").digest() != RunSpec(**given).digest()


@given(st.lists(st.tuples(TEXT, TEXT), unique_by=lambda item: item[0], min_size=2))
def test_the_order_of_variables_does_not_matter(items: list[tuple[str, str]]) -> None:
    def digest(arranged: Callable[[Any], Any]) -> str:
        return RunSpec(command=("x",), environment_variables=dict(arranged(items))).digest()

    assert digest(list) == digest(reversed)


def test_the_order_of_words_matters() -> None:
    assert RunSpec(command=("a", "b")).digest() != RunSpec(command=("b", "a")).digest()
    assert RunSpec(command=("a b",)).digest() != RunSpec(command=("a", "b")).digest()


def test_the_digest_of_today_is_the_digest_of_tomorrow() -> None:
    """Changing how digests are made would train everybody's runs again: this one is written down."""
    spec = RunSpec(command=("python", "train.py", "--lr", "0.1"), snapshot="ab" * 32, nodes=2, secrets=("TOKEN",))
    assert spec.digest() == "31b9c0a9a306da5dbfca422d130fe8c6fb43a53999f8133e923d692c8234cc43"
