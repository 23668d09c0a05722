"""What the provider says of models and gates before anything is made, and what a gate does with what it judges."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainup.core.models import ModelVersion, nothing
from trainup.core.values import UNKNOWN
from trainup.jobs.models.registry import NotAtHand, Registration, labels_of, parse_reference, version_of
from trainup.jobs.target import File
from trainup.provider import live_model
from trainup.provider.handler import Context, InitFailed, State
from trainup.provider.live_model import LiveModelHandler
from trainup.provider.model_version import ModelVersionHandler

PLACE = {"target": "local", "workspace": "w", "model": "digits"}
OF_A_RUN = {**PLACE, "run": "a-1", "digest": "d", "status": "Completed", "path": "model.pkl"}
OLD = ModelVersion("digits", "aaa", digest="aaa0", metrics={"accuracy": 0.9})
NEW = ModelVersion("digits", "bbb", digest="bbb0", metrics={"accuracy": 0.8})


class Registry:
    """A registry that remembers what is live."""

    def __init__(self, live: ModelVersion | None) -> None:
        self.is_live, self.is_running = live, True

    def find(self, name: str, version: str) -> ModelVersion | None:
        return None

    def add(self, version: ModelVersion, files: Sequence[File], registration: Registration) -> ModelVersion:
        return version

    def files(self, version: ModelVersion) -> list[File]:
        return []

    def take_image(self, source: Any, image: str) -> str:
        return image

    def live(self, name: str, *, start: bool) -> ModelVersion | None:
        if not start and not self.is_running:
            raise NotAtHand("MLflow does not run")
        return self.is_live

    def make_live(self, version: ModelVersion) -> None:
        self.is_live = version


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def context(tmp_path: Path, said: list[str]) -> Context:
    return Context("urn", tmp_path, threading.Event(), note=said.append, warn=said.append)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry(OLD)
    monkeypatch.setattr(live_model, "registry_of", lambda inputs, project: made)
    return made


def inputs(**more: Any) -> dict[str, Any]:
    return {**PLACE, "candidate": NEW.to_wire(), "rules": ["accuracy >= 0.5", "better than live"], **more}


@pytest.mark.parametrize(
    ("given", "at", "reason"),
    [
        ({**OF_A_RUN, "path": "../model.pkl"}, "path", "no path in the outputs"),
        ({**OF_A_RUN, "path": "."}, "path", "no path in the outputs"),
        ({**OF_A_RUN, "model": "a/b"}, "model", "no name for a model"),
        ({**OF_A_RUN, "type": "pickle"}, "type", "custom_model"),
        (PLACE, "run", "is missing"),
        ({**OF_A_RUN, "promoted": "w/models/m/versions/1"}, "promoted", "given as well"),
        ({**PLACE, "promoted": "somewhere"}, "promoted", "names no version"),
        (
            {**PLACE, "promoted": "/subscriptions/s/models/m/versions/1"},
            "promoted",
            "this stack is not",
        ),
        ({**OF_A_RUN, "uri": "https://example.org/model.pkl"}, "uri", "there is no input"),
    ],
)
def test_a_wrong_model_is_told(context: Context, given: dict[str, Any], at: str, reason: str) -> None:
    findings = ModelVersionHandler().check(context, given)[1]
    assert at in [finding.property for finding in findings]
    assert reason in " ".join(finding.reason for finding in findings if finding.property == at)


def test_a_right_model_and_one_that_is_not_known_yet_pass(context: Context) -> None:
    for given in (OF_A_RUN, {**OF_A_RUN, "run": UNKNOWN, "workspace": UNKNOWN}, {**PLACE, "promoted": UNKNOWN}):
        assert ModelVersionHandler().check(context, given)[1] == []


@pytest.mark.parametrize(
    ("more", "at", "reason"),
    [
        ({"rules": []}, "rules", "lets everything through"),
        ({"rules": "accuracy > 1"}, "rules", "a list of texts"),
        ({"rules": ["accuracy > 1", "good"]}, "rules[1]", "is no rule"),
        ({"on_failure": "ignore"}, "on_failure", "fail, keep"),
    ],
)
def test_a_wrong_gate_is_told(context: Context, more: dict[str, Any], at: str, reason: str) -> None:
    (finding,) = LiveModelHandler().check(context, inputs(**more))[1]
    assert finding.property == at
    assert reason in finding.reason


WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/"
PLACES = [("local", "w", "./w", "v"), ("azure", f"{WORKSPACE}w", f"{WORKSPACE}W/", f"{WORKSPACE}v")]


def gate_of(name: str, stack: str = "dev") -> str:
    return f"urn:pulumi:{stack}::demo::trainup:index:Gate$trainup:index:LiveModel::{name}-live"


@pytest.mark.parametrize(("target", "workspace", "written_otherwise", "other"), PLACES)
def test_two_gates_that_decide_over_one_model_are_told_by_name(
    context: Context, said: list[str], target: str, workspace: str, written_otherwise: str, other: str
) -> None:
    handler = LiveModelHandler()

    def found(name: str, stack: str = "dev", **more: Any) -> list[tuple[str, str]]:
        given = inputs(target=target, **{"workspace": workspace, **more})
        findings = handler.check(replace(context, urn=gate_of(name, stack) if name else ""), given)[1]
        return [(finding.property, finding.reason) for finding in findings]

    assert found("first") == found("first") == []
    assert found("second", model="pets") == found("second", workspace=other) == found("second", stack="prod") == []
    for place in (workspace, written_otherwise):
        assert found("second", workspace=place) == [
            (
                "model",
                "the gate first decides over digits in this workspace as well, so that each would undo what the other "
                "lets through: put the rules of both into one gate, or give the models two names",
            )
        ]
    assert found("first") == [], "it was there before"
    assert found("", model="digits") == [], "what has no name is asked about alone"
    assert said == []


def test_two_gates_over_models_of_one_name_in_workspaces_that_are_made_are_a_warning(
    context: Context, said: list[str]
) -> None:
    handler = LiveModelHandler()
    for name in ("first", "second"):
        unknown = inputs(target="azure", workspace=UNKNOWN)
        assert handler.check(replace(context, urn=gate_of(name)), unknown)[1] == []
    assert said == [
        "the gate first decides over a model digits as well: if both are in one workspace, `pulumi up` refuses this one"
    ]


def test_what_another_command_declared_is_no_second_gate(context: Context) -> None:
    handler = LiveModelHandler()
    for name in ("before", "renamed"):
        call = replace(context, urn=gate_of(name), canceled=threading.Event())
        assert handler.check(call, inputs())[1] == []


def test_a_refused_candidate_fails_or_is_kept_and_live_stays(
    context: Context, registry: Registry, said: list[str]
) -> None:
    handler = LiveModelHandler()
    with pytest.raises(InitFailed, match=r"bbb does not go live, and aaa stays live: .*not better") as failed:
        handler.create(context, inputs())
    state = handler.create(context, inputs(on_failure="keep"))
    assert registry.is_live == OLD
    assert state.outputs["live"] == failed.value.outputs["live"] == OLD.to_wire()
    assert handler.diff(context, State("digits", failed.value.outputs), inputs(), inputs()).changes == {
        "passed": live_model.Change.UPDATE
    }
    assert not handler.diff(context, state, inputs(on_failure="keep"), inputs(on_failure="keep")).changes
    assert "aaa stays live" in said[-1]


def test_another_run_can_measure(context: Context, registry: Registry) -> None:
    state = LiveModelHandler().create(context, inputs(metrics={"accuracy": 0.95}))
    assert state.outputs["passed"]
    assert registry.is_live
    assert (registry.is_live.version, registry.is_live.metrics) == ("bbb", {"accuracy": 0.95})


def test_without_a_candidate_nothing_goes_live(context: Context, registry: Registry) -> None:
    registry.is_live = None
    state = LiveModelHandler().create(context, inputs(candidate=nothing("digits").to_wire(), on_failure="keep"))
    assert state.outputs["live"] == nothing("digits").to_wire()
    assert state.outputs["reasons"] == ["there is no candidate, since its run did not complete"]


def test_a_preview_tells_the_rules_and_what_they_are_judged_against(
    context: Context, registry: Registry, said: list[str]
) -> None:
    plan = LiveModelHandler().plan(context, inputs(candidate=UNKNOWN), None)
    assert plan["live"] is UNKNOWN
    assert "accuracy >= 0.5\naccuracy better than live: live is aaa with accuracy 0.9" in said[-1]
    plan = LiveModelHandler().plan(context, inputs(), None)
    assert (plan["passed"], plan["live"]["version"]) == (False, "aaa")
    assert "bbb does not go live:" in said[-1]
    registry.is_running = False
    LiveModelHandler().plan(context, inputs(), State("digits", {"live": OLD.to_wire()}))
    assert "this is as the state has it" in said[-2]
    assert "live, aaa, has 0.9" in said[-1]


def test_a_preview_doubts_a_metric_that_no_candidate_had(context: Context, registry: Registry, said: list[str]) -> None:
    state = State("digits", {"candidate": NEW.to_wire()})
    LiveModelHandler().plan(context, inputs(candidate=UNKNOWN, rules=["acuracy >= 0.5"]), state)
    assert "no candidate so far had a metric 'acuracy'" in said[-1]
    assert "did you mean accuracy?" in said[-1]
    registry.is_live = None
    LiveModelHandler().plan(context, inputs(candidate=UNKNOWN, rules=["acuracy >= 0.5"]), None)
    assert "so far" not in said[-1], "nothing is known yet"


def test_a_preview_knows_the_metrics_of_a_run_whose_model_is_not_registered_yet(
    context: Context, registry: Registry, said: list[str]
) -> None:
    rules = ["acuracy >= 0.5", "accuracy >= 0.5"]
    LiveModelHandler().plan(context, inputs(candidate=UNKNOWN, metrics={"accuracy": 0.8}, rules=rules), None)
    assert (
        "the candidate has no metric 'acuracy', so that it does not go live; there are accuracy: did you mean"
        in said[-1]
    )
    LiveModelHandler().plan(context, inputs(candidate=UNKNOWN, metrics={"accuracy": 0.8}, rules=rules[1:]), None)
    assert "no metric" not in said[-1]


def test_a_version_is_kept_in_labels_and_read_back() -> None:
    version = ModelVersion("m", "v", "i", "u", "p", "d", "r", "rd", "img", "c", {"x": "y"}, {"a": float("inf")})
    assert version_of("m", labels_of(version), id="i", uri="u") == version
    assert version_of("m", {"somebody": "else's"}) is None


def test_a_reference_is_one_line() -> None:
    text = "/subscriptions/s/providers/x/workspaces/w/models/digits/versions/abc"
    assert str(parse_reference(text)) == text
