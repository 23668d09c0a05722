"""The inputs of an endpoint: what is refused, and what is deployed anew."""

from typing import Any

import pytest

from trainup.core.serving import deployment_name, digest_of, parse
from trainup.core.values import UNKNOWN

INPUTS: dict[str, Any] = {
    "target": "local",
    "workspace": ".trainup/test",
    "name": "digits",
    "source": "scoring",
    "image": "venv@sha256:abc",
    "snapshot_digest": "1",
    "model": {"uri": "runs/train/outputs", "digest": "2", "path": "model.pkl"},
}


def digest(**changes: Any) -> str | None:
    inputs = {**INPUTS, **changes}
    parsed, findings = parse(inputs)
    assert findings == []
    return digest_of(inputs, parsed)


@pytest.mark.parametrize(
    ("changes", "property", "words"),
    [
        ({"name": "x"}, "name", "3 to 32 letters"),
        ({"source": None}, "source", "missing"),
        ({"script": "../score.py"}, "script", "leaves the source folder"),
        ({"port": 80}, "port", "1024"),
        ({"instance_count": 0}, "instance_count", "out of range"),
        ({"request_timeout": "10m"}, "request_timeout", "at most 180s"),
        ({"model": {"uri": "somewhere"}}, "model", "`digest` is missing"),
        ({"modle": {}}, "modle", "did you mean model?"),
        (
            {"environment_variables": {"API_KEY": "hunter2hunter2hunter2"}},
            "environment_variables",
            "looks like a secret",
        ),
    ],
)
def test_a_wrong_input_is_told_with_its_rule(changes: dict[str, Any], property: str, words: str) -> None:
    _, findings = parse({**INPUTS, **changes})
    assert [finding.property.split("[")[0] for finding in findings] == [property]
    assert words in findings[0].reason


def test_all_findings_come_at_once() -> None:
    _, findings = parse({**INPUTS, "name": "x", "port": 80})
    assert {finding.property for finding in findings} == {"name", "port"}


@pytest.mark.parametrize(
    "changes",
    [
        {"snapshot_digest": "other"},
        {"image": "venv@sha256:def"},
        {"model": {**INPUTS["model"], "digest": "3"}},
        {"environment_variables": {"THREADS": "2"}},
        {"script": "other.py"},
    ],
)
def test_other_content_is_another_deployment(changes: dict[str, Any]) -> None:
    assert digest(**changes) != digest()


@pytest.mark.parametrize(
    "changes",
    [{"port": 5001}, {"source": "elsewhere"}, {"model": {**INPUTS["model"], "uri": "moved"}}, {"script": "score.py"}],
)
def test_the_same_content_is_the_same_deployment(changes: dict[str, Any]) -> None:
    assert digest(**changes) == digest()


def test_what_is_not_known_yet_has_no_digest() -> None:
    assert digest(image=UNKNOWN) is None
    assert digest(model={"uri": UNKNOWN, "digest": UNKNOWN}) is None


def test_a_deployment_is_named_by_its_content() -> None:
    assert deployment_name("0123456789abcdef") == "d-0123456789ab"


def test_the_version_of_a_registered_model_is_passed_on_and_changes_nothing() -> None:
    registered = {**INPUTS["model"], "id": "/subscriptions/s/models/digits/versions/1"}
    assert parse({**INPUTS, "model": registered})[0].model["id"] == registered["id"]
    assert digest(model=registered) == digest()
