"""Which record a command means."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainup.cli import stack as stacks
from trainup.cli.runs import lookup
from trainup.core.choices import OnDelete
from trainup.core.errors import TrainupError
from trainup.jobs.local.target import LocalTarget
from trainup.jobs.local.workspace import Workspace

State = Callable[..., None]


def found(text: str) -> str:
    return lookup.find(*stacks.open_stack("local"), text).record.name


def refused(text: str) -> str:
    with pytest.raises(TrainupError) as error:
        found(text)
    return str(error.value)


def test_a_runs_name_means_its_current_attempt(records: Any, state: State) -> None:
    first = records.add("digits", status="Failed")
    again = records.add("digits", attempt=2)
    newer = records.add("digits", 1)
    state(first)
    assert found("digits") == again.name, "what is in the state counts, though another was claimed later"
    state()
    assert found("digits") == newer.name, "of a lost state, the last one counts"


def test_the_name_of_an_attempt_means_that_one_of_whatever_inputs(records: Any, state: State) -> None:
    first, again, newer = records.add("digits"), records.add("digits", attempt=2), records.add("digits", 1)
    for declared in ((), (newer,)):
        state(*declared)
        assert [found(one.name) for one in (first, again, newer)] == [first.name, again.name, newer.name]


def test_the_beginning_of_an_id_means_the_last_attempt_of_it(records: Any, state: State) -> None:
    first, again, newer = records.add("digits"), records.add("digits", attempt=2), records.add("digits", 1)
    state(newer)
    digits = len("digits-") + 6
    assert found(first.name[:digits]) == again.name
    assert found(newer.name[:digits]) == newer.name
    text = refused("digits-")
    assert text.startswith("'digits-' may be any of ")
    assert text.endswith(": write more of the id")
    assert first.name in text
    assert newer.name in text
    assert again.name not in text


def test_a_runs_name_comes_before_the_beginning_of_another(records: Any, state: State) -> None:
    short, long = records.add("pets"), records.add("pets-large")
    state(short, long)
    assert found("pets") == short.name
    assert found("pets-l") == long.name


@pytest.mark.parametrize("text", ["nope", "../digits", "", "digits-000000000000", "Digits", "digits/..", "-x", "größe"])
def test_what_nothing_is_called_is_told_with_what_there_is(records: Any, state: State, text: str) -> None:
    state(records.add("digits"))
    assert refused(text).startswith(f"stack 'local' has no run {text!r}; there are digits")


def test_a_likely_misspelling_is_told(records: Any, state: State) -> None:
    state(records.add("digits"), records.add("pets"))
    assert refused("digit5").endswith("there are digits, pets: did you mean digits?")


def test_records_of_other_stacks_in_the_same_folder_are_not_meant(records: Any, state: State) -> None:
    other = records.add("digits", stack="dev")
    state(records.add("pets"))
    assert refused(other.name).startswith("stack 'local' has no run")
    assert refused(other.name[:8]).startswith("stack 'local' has no run")


def test_what_the_stack_has_given_up_is_still_meant_and_what_another_gave_up_is_not(
    records: Any, state: State, workspace: Workspace
) -> None:
    mine, others = records.add("digits"), records.add("digits", 1, stack="dev")
    target = LocalTarget(workspace)
    for folder in (mine, others):
        record = target.get(folder.name)
        assert record
        target.release(record.id, record.owners[0], OnDelete.KEEP)
        after = target.get(folder.name)
        assert after
        assert (after.owners, after.released) == ((), record.owners)
    assert found(mine.name) == mine.name
    assert refused(others.name).startswith("stack 'local' has no run")


def test_a_damaged_record_is_told_only_where_it_may_be_meant(records: Any, state: State) -> None:
    damaged, whole = records.add("digits"), records.add("pets")
    state(whole)
    damaged.definition.write_text("{")
    assert found(whole.name) == whole.name
    assert found(whole.name[:10]) == whole.name
    assert str(damaged.path) in refused(damaged.name)
    assert str(damaged.path) in refused(damaged.name[:10])


def test_a_project_without_anything_has_no_run(project: Path, state: State) -> None:
    assert refused("digits").endswith("has no run 'digits'; there are none")
