"""Roles that others give as well, over gRPC: given once, and taken back only by who gave them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.azure import visit
from tests.support.plugin import Failed, Plugin, Resource, plugin, urn
from trainup.core.values import UNKNOWN
from trainup.simulator.cloud import roles
from trainup.simulator.cloud.azure import Azure
from trainup.simulator.cloud.faults import Fault
from trainup.simulator.cloud.refusal import Refused
from trainup.simulator.cloud.sample import assign_role, furnish
from trainup.simulator.rehearsal import rehearsal

KIND = "Microsoft.Authorization/roleAssignments"
MINE, THEIRS = urn("Grant", "mine"), urn("Grant", "theirs")
NOBODY = "22222222-2222-2222-2222-222222222222"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Azure, Plugin, str]]:
    with rehearsal(tmp_path_factory.mktemp("azure")) as running, pytest.MonkeyPatch.context() as patch:
        visit(running, patch)
        with plugin(tmp_path_factory.mktemp("project")) as made:
            yield running.azure, made, furnish(running.azure).registry


@pytest.fixture
def azure(world: tuple[Azure, Plugin, str]) -> Azure:
    return world[0]


@pytest.fixture
def plug(world: tuple[Azure, Plugin, str]) -> Plugin:
    return world[1]


@pytest.fixture
def wanted(azure: Azure, world: tuple[Azure, Plugin, str], request: pytest.FixtureRequest) -> dict[str, Any]:
    """A role for a person whom only this test knows."""
    person = azure.new_guid(request.node.name)
    azure.principals.add(person)
    return {"scope": world[2], "principal_id": person, "principal_type": "User", "role": roles.ACR_PULL}


def given(azure: Azure, wanted: dict[str, Any]) -> list[str]:
    """Ids of the person's assignments."""
    person = wanted["principal_id"]
    return [item["id"] for item in azure.resources(KIND) if item["properties"]["principalId"] == person]


def create(plug: Plugin, of: str, wanted: dict[str, Any]) -> Resource:
    inputs, failures = plug.check(of, wanted)
    assert not failures
    assert plug.plan(of, inputs)["made"] is UNKNOWN
    return plug.create(of, inputs)


def test_a_role_is_given_and_taken_back(azure: Azure, plug: Plugin, wanted: dict[str, Any]) -> None:
    made = create(plug, MINE, wanted)
    assert given(azure, wanted) == [made.id]
    assert azure.has_role(wanted["principal_id"], roles.ACR_PULL, wanted["scope"])
    assert plug.read(made) == made
    plug.delete(made)
    assert not given(azure, wanted)
    assert plug.read(made) is None


def test_what_was_given_by_hand_is_used_and_stays(azure: Azure, plug: Plugin, wanted: dict[str, Any]) -> None:
    by_hand = assign_role(azure, roles.ACR_PULL, wanted["scope"], wanted["principal_id"], kind="User")
    found = create(plug, MINE, {**wanted, "principal_id": wanted["principal_id"].upper()})
    assert (found.id, found.outputs["made"]) == (by_hand, False)
    plug.delete(found)
    assert given(azure, wanted) == [by_hand]


def test_two_stacks_share_a_role_and_the_last_one_gives_it_again(
    azure: Azure, plug: Plugin, wanted: dict[str, Any]
) -> None:
    mine, theirs = create(plug, MINE, wanted), create(plug, THEIRS, wanted)
    assert given(azure, wanted) == [mine.id] == [theirs.id]
    plug.delete(mine)
    assert plug.read(theirs) is None  # so that the next `up` gives it
    again = create(plug, THEIRS, wanted)
    assert again.outputs["made"]
    assert given(azure, wanted) == [again.id] != [mine.id]


def test_what_somebody_else_gives_meanwhile_is_used(azure: Azure, plug: Plugin, wanted: dict[str, Any]) -> None:
    def quicker() -> None:
        assign_role(azure, roles.ACR_PULL, wanted["scope"], wanted["principal_id"], kind="User")

    azure.faults.add(Fault(method="PUT", path=f"{wanted['scope']}/*", call=quicker))
    assert create(plug, MINE, wanted).outputs["made"] is False
    assert len(given(azure, wanted)) == 1
    assert not azure.faults.unused()


def test_a_lost_answer_gives_the_role_once_and_knows_whose_it_is(
    azure: Azure, plug: Plugin, wanted: dict[str, Any]
) -> None:
    first = create(plug, MINE, wanted)
    again = create(plug, MINE, wanted)  # the state of the first one never came
    assert (again.id, again.outputs["made"]) == (first.id, True)


def test_who_may_give_no_roles_is_told_who_may_and_how(azure: Azure, plug: Plugin, wanted: dict[str, Any]) -> None:
    refused = Refused(403, "AuthorizationFailed", "The client does not have authorization to perform action.")
    azure.faults.add(Fault(method="PUT", type=KIND, error=refused))
    with pytest.raises(
        Failed, match="requires the role Owner, Role Based Access Control Administrator or User"
    ) as caught:
        create(plug, MINE, wanted)
    assert f"az role assignment create --assignee-object-id {wanted['principal_id']}" in str(caught.value)


def test_somebody_who_does_not_exist_is_told(plug: Plugin, wanted: dict[str, Any]) -> None:
    with pytest.raises(Failed, match=f"Principal {NOBODY} does not exist"):
        create(plug, MINE, {**wanted, "principal_id": NOBODY})


def test_another_role_is_another_assignment(plug: Plugin, wanted: dict[str, Any]) -> None:
    made = create(plug, MINE, wanted)
    changed = plug.diff(made, {**wanted, "role": roles.BLOB_READER})
    assert list(changed.replaces) == ["role"]
    assert not changed.deleteBeforeReplace
    assert not list(plug.diff(made, {**wanted, "cloud": "public"}).replaces)


def test_unknown_values_and_strange_ones(plug: Plugin, wanted: dict[str, Any]) -> None:
    assert not plug.check(MINE, {**wanted, "scope": UNKNOWN})[1]
    assert plug.check(MINE, {"scope": 3, "scop": "x"})[1].keys() == {*wanted, "scop"}
