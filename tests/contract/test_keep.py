"""What holds data, over gRPC: an edit that would lose it is refused in the preview, and nothing else is."""

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.support.plugin import Plugin, plugin, urn
from trainup.core import wire

KEEP = urn("Keep", "keep")
PLACE = {"azure-native:location": "westeurope"}
BEFORE: dict[str, dict[str, str]] = {"workspace": {**PLACE, "trainup:workspace.name": "vision"}, "storage": PLACE}


@pytest.fixture(scope="module")
def plug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    with plugin(tmp_path_factory.mktemp("project")) as made:
        yield made


def refused(plug: Plugin, kept: dict[str, Any], before: dict[str, Any] | None = BEFORE, discard: Any = ()) -> list[str]:
    """What is said about an edit."""
    news = wire.encode({"kept": kept, "discard": list(discard)})
    olds = wire.encode({"kept": before, "discard": []}) if before is not None else None
    return [item.reason for item in plug.stub.Check(provider_pb2.CheckRequest(urn=KEEP, olds=olds, news=news)).failures]


def test_what_stays_as_it_was_or_is_new_is_nothing_to_tell(plug: Plugin) -> None:
    assert not refused(plug, BEFORE)
    assert not refused(plug, BEFORE, before=None)
    assert not refused(plug, {**BEFORE, "registry": PLACE})


def test_another_value_is_told_with_what_it_deletes(plug: Plugin) -> None:
    assert refused(plug, {**BEFORE, "storage": {"azure-native:location": "northeurope"}}) == [
        "azure-native:location was 'westeurope' and is 'northeurope', which deletes the storage account and the key "
        "vault with all code, logs, outputs and secrets: put it back, or, to lose that, list 'storage' in "
        "trainup:discard for one `pulumi up`"
    ]


def test_a_setting_that_comes_or_goes_is_another_value(plug: Plugin) -> None:
    (gone,) = refused(plug, {**BEFORE, "workspace": PLACE})
    assert gone.startswith("trainup:workspace.name was 'vision' and is not set, which deletes the workspace")
    (come,) = refused(plug, {**BEFORE, "storage": {**PLACE, "trainup:workspace.resource_group": "team"}})
    assert come.startswith("trainup:workspace.resource_group was not set and is 'team', which deletes")


def test_what_the_stack_has_no_more_is_told_all_at_once(plug: Plugin) -> None:
    found = refused(plug, {})
    assert len(found) == 2
    assert all(reason.startswith("the stack would have none of its own any more") for reason in found)


def test_what_may_go_goes_and_the_rest_does_not(plug: Plugin) -> None:
    (found,) = refused(plug, {}, discard=["workspace"])
    assert "list 'storage' in trainup:discard" in found


def test_it_is_made_changed_and_deleted_without_anything_happening(plug: Plugin) -> None:
    inputs, failures = plug.check(KEEP, {"kept": BEFORE})
    assert not failures
    made = plug.create(KEEP, inputs)
    assert plug.read(made) == made
    changed = plug.diff(made, {"kept": {}})
    assert not list(changed.replaces)
    assert plug.update(made, {"kept": {}}).outputs == {"kept": {}}
    plug.delete(made)
    assert plug.check(KEEP, {"kpet": {}})[1].keys() == {"kept", "kpet"}
