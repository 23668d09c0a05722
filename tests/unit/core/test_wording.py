"""Messages name the command that the reader types."""

import pytest

from trainup.core.wording import as_typed

TEXT = "the next `pulumi up` attaches to it, `pulumi cancel` frees it, `pulumi stack ls` and `pulumi up -y` stay"


def test_whoever_types_pulumi_is_told_of_pulumi() -> None:
    assert as_typed(TEXT, {"PULUMI_STACK": "dev"}) == TEXT


@pytest.mark.parametrize(("stack", "named"), [("", ""), ("local", ""), ("dev", " STACK=dev")])
def test_whoever_types_make_is_told_of_make(stack: str, named: str) -> None:
    told = as_typed(TEXT, {"TRAINUP_TYPED": "make", "PULUMI_STACK": stack})
    assert told == TEXT.replace("`pulumi up`", f"`make up{named}`").replace("`pulumi cancel`", f"`make unlock{named}`")
