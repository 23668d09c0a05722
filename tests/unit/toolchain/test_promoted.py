"""A promotion is one line of a stack's file, and all else stays to the byte."""

from pathlib import Path

import pytest
import yaml

from trainup.toolchain.paths import SetupError
from trainup.toolchain.projects import Project
from trainup.toolchain.stack_files import StackFile

OLD, NEW = ".trainup/dev/models/digits/versions/aaa", ".trainup/dev/models/digits/versions/bbb"


def stack(text: str, name: str = "Pulumi.prod.yaml") -> StackFile:
    return StackFile(Path(name), text, Project(Path("Pulumi.yaml"), "own", {}))


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  trainup:target: local # here\n",
        "config:\r\n  trainup:target: local\r\n",
        "config:\n    trainup:models:\n        cats:\n            promoted: x/models/cats/versions/1 # kept\n",
        "config:\n  trainup:models:\n    digits:\n      description: ten classes\n",
        "config:\n  trainup:models: {digits: {description: ten}}\n",
        f"config:\n  trainup:models:\n    digits:\n      promoted: {OLD} # by us\n  trainup:target: local\n",
        '{"config": {"trainup:target": "local"}}',
    ],
)
def test_the_reference_is_put_in_and_all_else_stays(text: str) -> None:
    edited = stack(text).with_promoted("digits", NEW)
    assert stack(edited).promoted("digits") == NEW
    before, after = yaml.safe_load(text), yaml.safe_load(edited)
    entry = after["config"]["trainup:models"]["digits"]
    assert entry.pop("promoted") == NEW
    former = (before["config"].get("trainup:models") or {}).get("digits") or {}
    former.pop("promoted", None)
    assert entry == former
    for line in text.replace("\r", "").splitlines():
        if OLD not in line and "{" not in line:
            assert line in edited.replace("\r", "").splitlines()
    assert ("\r\n" in text) == ("\r\n" in edited)


def test_another_promotion_changes_one_line() -> None:
    text = f"config:\n  trainup:models:\n    digits:\n      promoted: {OLD}\n  trainup:target: local\n"
    edited = stack(text).with_promoted("digits", NEW)
    changed = [pair for pair in zip(text.splitlines(), edited.splitlines(), strict=True) if pair[0] != pair[1]]
    assert changed == [(f"      promoted: {OLD}", f"      promoted: {NEW}")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config:\n  trainup:models:\n    digits: {run: digits, path: model.pkl}\n", "of its own run digits"),
        ("config:\n  trainup:models: {}\n", "by hand"),
        ("x: &all\n  digits: {description: a}\nconfig:\n  trainup:models: *all\n", "by hand"),
    ],
)
def test_what_cannot_be_edited_is_told(text: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        stack(text).with_promoted("digits", NEW)
