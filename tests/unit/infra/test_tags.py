"""Tags on everything, through one transform."""

from typing import Any

import pulumi
import pytest

from trainup.infra.tags import TAGGED, TAGGED_INSIDE, tagged

TAGS = {"stack": "dev", "stage": "test"}


def _tag(kind: str, props: dict[str, Any]) -> Any:
    args = pulumi.ResourceTransformArgs(True, kind, "x", props, pulumi.ResourceOptions())
    result = tagged(args, TAGS)
    return None if result is None else result.props


@pytest.mark.parametrize("kind", sorted(TAGGED))
def test_what_carries_tags_gets_them_and_its_own_win(kind: str) -> None:
    assert _tag(kind, {"location": "x"}) == {"location": "x", "tags": TAGS}
    assert _tag(kind, {"tags": {"stage": "own"}})["tags"] == {"stack": "dev", "stage": "own"}


@pytest.mark.parametrize("kind", sorted(TAGGED_INSIDE))
def test_what_carries_tags_among_its_properties_gets_them_there(kind: str) -> None:
    assert _tag(kind, {"properties": {"image": "a"}}) == {"properties": {"image": "a", "tags": TAGS}}


@pytest.mark.parametrize("kind", ["azure-native:authorization:RoleAssignment", "trainup:index:Run", "docker:index:Im"])
def test_nothing_else_is_touched(kind: str) -> None:
    assert _tag(kind, {"properties": {}}) is None
