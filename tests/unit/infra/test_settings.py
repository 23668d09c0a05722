"""The stack's configuration: typed, strict, every problem in one message."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as configured
from hypothesis import strategies as st
from pulumi.runtime import config as engine

from trainup.infra import settings, stack_config
from trainup.infra.local_settings import LocalSettings
from trainup.infra.references import order
from trainup.infra.run_settings import RunSettings
from trainup.infra.stack_config import StackConfig

RUN: dict[str, Any] = {"source": "code", "script": "main.py"}


@contextmanager
def _stack(texts: dict[str, str], secrets: tuple[str, ...] = (), project: str = "trainup") -> Iterator[None]:
    """What the engine hands to a program of the stack `test`; a key without a namespace is trainup's."""
    with pytest.MonkeyPatch.context() as patch:
        keys = {key if ":" in key else f"trainup:{key}": text for key, text in texts.items()}
        patch.setattr(pulumi, "get_stack", lambda: "test")
        patch.setattr(pulumi, "get_project", lambda: project)
        patch.setattr(stack_config, "get_config_env", dict)
        patch.setattr(stack_config, "CONFIG", _Box({**keys, "aws:region": "moon"}))
        patch.setattr(stack_config, "is_config_secret", lambda key: key.removeprefix("trainup:") in secrets)
        yield


class _Box:
    def __init__(self, value: dict[str, str]) -> None:
        self._value = value

    def get(self) -> dict[str, str]:
        return self._value


def _load(secrets: tuple[str, ...] = (), **sections: Any) -> LocalSettings:
    with _stack({key: value if key == "target" else json.dumps(value) for key, value in sections.items()}, secrets):
        return settings.load(StackConfig.read())


def _order(found: LocalSettings) -> list[str]:
    return order(found.runs, found.models, found.gates)


def _problems(secrets: tuple[str, ...] = (), **sections: Any) -> list[str]:
    with pytest.raises(pulumi.RunError) as caught:
        _load(secrets, **sections)
    first, *problems = str(caught.value).splitlines()
    assert first == f"Pulumi.test.yaml has {len(problems)} problem(s):"
    return [problem.strip() for problem in problems]


def test_these_tests_stand_in_for_what_the_sdk_has() -> None:
    assert callable(engine.get_config_env)
    assert callable(engine.is_config_secret)
    assert isinstance(engine.CONFIG.get(), dict)


def test_without_any_configuration_there_is_a_platform_and_no_run() -> None:
    assert _load() == LocalSettings()


def test_every_problem_is_in_one_message_by_key() -> None:
    found = _problems(
        target="local",
        cluster={"max_nodes": 0, "size": "big"},
        clutser={},
        workspace="here",
        runs={"A b": RUN, "ok": {**RUN, "timeout": "soon", "retries": -1, "script": 5, "on_failure": "cry"}},
    )
    assert [problem.split(": ")[0] for problem in found] == [
        "trainup:clutser",
        "trainup:workspace",
        "trainup:cluster.max_nodes",
        "trainup:cluster.size",
        "trainup:runs.A b",
        "trainup:runs.ok.script",
        "trainup:runs.ok.timeout",
        "trainup:runs.ok.retries",
        "trainup:runs.ok.on_failure",
    ]


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        (
            {"runz": {}},
            "trainup:runz: there is no such key; there are target, workspace, cluster, image, data, costs, runs, ",
        ),
        ({"runs": {"a": {"scirpt": "x"}}}, "trainup:runs.a.scirpt: there is no such key"),
        *(
            ({"runs": {"a": {**RUN, key: {}}}}, f"trainup:runs.a.{key}: `{key}` is a part of a sweep: write it below")
            for key in ("search_space", "sampling_algorithm", "objective", "early_termination")
        ),
        ({"runs": {"a": {**RUN, "trial": {}}}}, "trainup:runs.a.trial: the trial of a sweep is the run itself: write"),
        ({"sweep": {}}, "trainup:sweep: a sweep is a run with `sweep`"),
        ({"sweeps": {"a": {}}}, "trainup:sweeps: a sweep is a run with `sweep`"),
        ({"cluster": {"trial": 1}}, "trainup:cluster.trial: there is no such key"),
        ({"runs": {"A": RUN}}, "trainup:runs.A: 'A' is no name for a run"),
        ({"runs": {"a": {**RUN, "nodes": 2}}}, "trainup:runs.a.nodes: 2 nodes never start on a cluster"),
        ({"runs": {"a": {**RUN, "after": ["b"]}}}, "trainup:runs.a.after: there is no run 'b'; there are a"),
        ({"runs": {"a": {**RUN, "after": ["a"]}}}, "trainup:runs: a → a: runs that wait for each other"),
        ({"runs": {"a": {**RUN, "inputs": {"d": "pets"}}}}, "trainup:runs.a.inputs.d.data: there is no 'pets' in"),
        ({"runs": {"a": {**RUN, "outputs": {"m": {"mode": "x"}}}}}, "trainup:runs.a.outputs.m.mode: "),
        ({"runs": {"a": {**RUN, "timeout": 10**400}}}, "trainup:runs.a.timeout: "),
        ({"runs": {"a": {**RUN, "timeout": True}}}, "trainup:runs.a.timeout: true was given"),
        ({"runs": {"a": {**RUN, "rerun": {"x": 1}}}}, "trainup:runs.a.rerun: Input should be a valid string"),
        ({"runs": {"a": {"command": "echo 'x"}}}, "trainup:runs.a.command: "),
    ],
)
def test_each_problem_names_its_key_and_the_rule(sections: dict[str, Any], says: str) -> None:
    assert any(problem.startswith(says) for problem in _problems(**sections)), _problems(**sections)


@pytest.mark.parametrize(
    ("run", "field", "value"),
    [
        ({"timeout": 90}, "timeout", "90"),
        ({"timeout": "2h"}, "timeout", "2h"),
        ({"rerun": 3}, "rerun", "3"),
        ({"rerun": None}, "rerun", None),
        ({"arguments": "--lr 0.1 'a b'"}, "arguments", ["--lr", "0.1", "a b"]),
        ({"arguments": ["--epochs", 5]}, "arguments", ["--epochs", "5"]),
    ],
)
def test_values_may_be_written_as_people_do(run: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(_load(runs={"a": {**RUN, **run}}).runs["a"], field) == value


def test_a_section_that_is_text_is_told() -> None:
    with _stack({"runs": "hunter2"}), pytest.raises(pulumi.RunError) as caught:
        settings.load(StackConfig.read())
    assert "trainup:runs: this is text; write a map below it" in str(caught.value)


OWN = {"own:target": "local", "own:workspace": "{}", "own:runs": "{}"}
"""What the engine adds of what Pulumi.yaml declares to the configuration of a project that is called `own`."""


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository's Pulumi.yaml, and its declarations, under another name."""
    text = (Path(__file__).parents[3] / "Pulumi.yaml").read_text().replace("name: trainup\n", "name: own\n", 1)
    (tmp_path / "Pulumi.yml").write_text(text)
    monkeypatch.setattr(stack_config, "get_root_directory", lambda: str(tmp_path))


def _own(texts: dict[str, str], secrets: tuple[str, ...] = ()) -> LocalSettings:
    with _stack({**OWN, **texts}, secrets, project="own"):
        return settings.load(StackConfig.read())


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("namespace", ["trainup", "own"])
def test_a_project_of_another_name_reads_trainups_settings_and_those_without_a_namespace(namespace: str) -> None:
    runs = json.dumps({"a": {**RUN, "secrets": ["TOKEN"]}})
    texts = {f"{namespace}:runs": runs, f"{namespace}:TOKEN": "x", f"{namespace}:cluster": '{"max_nodes": 3}'}
    found = _own(texts, (f"{namespace}:TOKEN", "TOKEN"))
    assert (list(found.runs), found.cluster.max_nodes) == (["a"], 3)
    with pytest.raises(pulumi.RunError, match=rf"config set --secret {namespace}:TOKEN`"):
        _own(texts)


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"own:clutser": "{}"}, "own:clutser: there is no such key"),
        ({"own:cluster": '{"max_nodes": 0}'}, "own:cluster.max_nodes: "),
        ({"own:cluster": "many"}, "own:cluster: this is text"),
        (
            {"trainup:runs": "{}", "own:runs": '{"a": {}}'},
            "own:runs: trainup:runs is set as well, and one of them would",
        ),
        ({"other:runs": '{"a": {}}'}, "other:runs: runs are read from trainup:runs and own:runs alone; write trainup:"),
        ({"Trainup:image": "{}"}, "Trainup:image: nothing reads the namespace Trainup; write trainup:image"),
        ({"trianup:cluster": "{}"}, "trianup:cluster: nothing reads the namespace trianup; write trainup:cluster"),
    ],
)
def test_nothing_that_is_written_elsewhere_is_ignored(texts: dict[str, str], says: str) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        _own(texts)
    (problem,) = str(caught.value).splitlines()[1:]
    assert problem.strip().startswith(says)


def test_settings_of_others_are_none_of_ours() -> None:
    others = {"aws:region": "moon", "kubernetes:cluster": "x", "terraform:image": "y", "training:data": "z"}
    with _stack(others):
        assert settings.load(StackConfig.read()) == LocalSettings()


def test_a_broken_section_causes_no_further_problems() -> None:
    texts = {"cluster": "{", "runs": json.dumps({"a": {**RUN, "nodes": 2}})}
    with _stack(texts), pytest.raises(pulumi.RunError, match=r"has 1 problem\(s\)"):
        settings.load(StackConfig.read())


def test_a_secret_of_a_run_is_a_key_of_the_configuration() -> None:
    runs = {"a": {**RUN, "secrets": ["TOKEN"]}}
    assert _load(("TOKEN",), runs=runs, TOKEN="x").runs["a"].secrets == {"TOKEN": "TOKEN"}
    assert "it is not set; set it with `pulumi config set --secret trainup:TOKEN`" in _problems(runs=runs)[0]
    assert "stored as plain text" in _problems(runs=runs, TOKEN="x")[0]


def test_a_secret_of_another_name_is_mapped_to_a_variable() -> None:
    runs = {"a": {**RUN, "secrets": {"MY_TOKEN": "my-token"}}}
    assert _load(("my-token",), runs=runs, **{"my-token": "x"}).runs["a"].secrets == {"MY_TOKEN": "my-token"}
    assert "it is not set; set it with `pulumi config set --secret trainup:my-token`" in _problems(runs=runs)[0]


@pytest.mark.parametrize(
    "secrets",
    [
        ["TOKEN", "hunter-2"],
        ["OK", "hunter.2"],
        ["OK", "hunter 2"],
        ["OK", 5],
        {"A": "x", "hunter-2": "x"},
        {"A": "x", "B": 5},
    ],
)
def test_a_secret_that_can_be_no_variable_is_told_with_the_way_out_and_not_shown(secrets: Any) -> None:
    problem = next(text for text in _problems(runs={"a": {**RUN, "secrets": secrets}}) if "runs.a" in text)
    assert problem.startswith("trainup:runs.a.secrets: number 2 of the list is not shown")
    assert "`secrets: {MY_TOKEN: my-token}`" in problem
    assert "hunter" not in problem


def test_a_secret_is_no_unknown_key_while_its_run_has_a_mistake() -> None:
    runs = {"a": {**RUN, "secrets": ["TOKEN"], "retries": -1}}
    assert [problem.split(":")[1] for problem in _problems(("TOKEN",), runs=runs, TOKEN="x")] == ["runs.a.retries"]


def test_runs_come_after_those_that_they_wait_for() -> None:
    runs = {"c": {**RUN, "after": ["b"]}, "b": {**RUN, "after": ["a"]}, "a": RUN}
    assert _order(_load(runs=runs)) == ["a", "b", "c"]


def test_many_edges_between_runs_are_ordered_at_once() -> None:
    layers = [[f"r{layer}-{index}" for index in range(4)] for layer in range(30)]
    above = {name: layers[index - 1] if index else [] for index, layer in enumerate(layers) for name in layer}
    assert len(_order(_load(runs={name: {**RUN, "after": after} for name, after in above.items()}))) == 120


def test_a_run_takes_data_of_the_stack_and_outputs_of_other_runs() -> None:
    found = _load(
        data={"pets": {"path": "data/pets"}},
        runs={
            "score": {**RUN, "inputs": {"model": {"run": "train", "path": "model.pkl"}, "images": {"data": "pets"}}},
            "train": {**RUN, "inputs": {"images": {"data": "pets"}}},
        },
    )
    assert _order(found) == ["train", "score"]
    assert found.runs["score"].upstream == ["train"]


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({}, "an input is one of `data`, `run`, `gate`, `uri` and `value`; given: none"),
        ({"data": "pets", "run": "a"}, "given: data, run"),
        ({"uri": "https://x"}, "`uri` and `version` go together"),
        ({"data": "cats"}, "trainup:runs.a.inputs.x.data: there is no 'cats' in trainup:data; there are pets"),
        ({"run": "b"}, "trainup:runs.a.inputs.x.run: there is no run 'b'; there are a"),
        ({"gate": "good"}, "trainup:runs.a.inputs.x.gate: there is no 'good' in trainup:gates"),
        ({"run": "a"}, "a → a: runs that wait for each other never start"),
        ({"data": "pets", "mode": "teleport"}, "trainup:runs.a.inputs.x.mode"),
    ],
)
def test_an_input_that_leads_nowhere_is_refused(item: dict[str, Any], says: str) -> None:
    (problem,) = _problems(data={"pets": {"path": "p"}}, runs={"a": {**RUN, "inputs": {"x": item}}})
    assert says in problem


def test_a_run_waits_for_those_behind_a_gate_whose_live_model_it_reads() -> None:
    sections: dict[str, Any] = {
        "models": {"m": {"run": "train", "path": "model.pkl"}},
        "gates": {"g": {"model": "m", "rules": ["accuracy > 0.5"], "metrics_of": "judge"}},
    }
    scores = {**RUN, "inputs": {"model": {"gate": "g"}}}
    found = _load(runs={"a-scores": scores, "judge": {**RUN, "after": ["train"]}, "train": RUN}, **sections)
    assert order(found.runs, found.models, found.gates) == ["train", "judge", "a-scores"]
    (problem,) = _problems(runs={"judge": scores, "train": RUN}, **sections)
    assert "judge → judge: runs that wait for each other never start" in problem


def test_nothing_comes_after_a_run_that_nobody_waits_for() -> None:
    (problem,) = _problems(runs={"a": {**RUN, "wait": False}, "b": {**RUN, "after": ["a"]}})
    assert problem.startswith("trainup:runs.a.wait: b comes after it")


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["a", "1h", 10**400]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
ONE_RUN = st.fixed_dictionaries({}, optional={name: JUNK for name in RunSettings.model_fields})
SECTIONS: dict[str, st.SearchStrategy[Any]] = {
    "target": st.just("local") | st.text(max_size=3),
    "workspace": JUNK,
    "cluster": JUNK | st.fixed_dictionaries({}, optional={"name": JUNK, "max_nodes": st.integers() | JUNK}),
    "image": JUNK,
    "data": JUNK | st.dictionaries(st.text(max_size=3), JUNK | st.fixed_dictionaries({"path": JUNK}), max_size=2),
    "runs": JUNK | st.dictionaries(st.sampled_from(["a", "b-1"]) | st.text(max_size=3), ONE_RUN | JUNK, max_size=2),
    "odd": JUNK,
}


@pytest.mark.slow
@configured(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(sections=st.fixed_dictionaries({}, optional=SECTIONS), raw=st.sampled_from([None, *SECTIONS]))
def test_any_configuration_is_settings_or_one_message(sections: dict[str, Any], raw: str | None) -> None:
    texts = {key: str(value) if key in (raw, "target") else json.dumps(value) for key, value in sections.items()}
    with _stack(texts):
        try:
            found = settings.load(StackConfig.read())
        except pulumi.RunError as error:
            assert str(error).startswith("Pulumi.test.yaml has ")  # noqa: PT017
        else:
            assert sorted(_order(found)) == sorted(found.runs)


def test_a_thousand_runs_after_each_other_are_ordered() -> None:
    chain = {f"r{index}": {**RUN, **({"after": [f"r{index - 1}"]} if index else {})} for index in range(3000)}
    backwards = dict(reversed(chain.items()))
    assert _order(_load(runs=backwards)) == list(chain)


def test_a_long_ring_of_runs_is_one_finding() -> None:
    ring = {f"r{index}": {**RUN, "after": [f"r{(index + 1) % 2000}"]} for index in range(2000)}
    (problem,) = _problems(runs=ring)
    assert problem.startswith("trainup:runs: r")
    assert problem.endswith(": runs that wait for each other never start")


def test_a_ring_is_told_in_the_order_of_waiting() -> None:
    (problem,) = _problems(
        runs={"a": {**RUN, "after": ["b"]}, "b": {**RUN, "after": ["c"]}, "c": {**RUN, "after": ["a"]}}
    )
    assert problem.split(": ")[1] in ("a → b → c → a", "b → c → a → b", "c → a → b → c")


@pytest.mark.parametrize("key", ["nodes", "retries", "node_price", "timeout", "rerun", "queue_timeout"])
@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 400, "1e999", "-1e999", "NaN", "1" * 5000])
def test_a_number_of_any_size_is_settings_or_a_finding(key: str, number: str) -> None:
    text = json.dumps({"a": {**RUN, key: "@"}}).replace('"@"', number)
    with _stack({"runs": text}):
        try:
            settings.load(StackConfig.read())
        except pulumi.RunError as error:
            assert "problem(s)" in str(error)  # noqa: PT017


def test_an_unknown_key_comes_with_the_one_that_was_meant_wherever_it_is() -> None:
    found = _problems(
        cluser={},
        cluster={"max_node": 1},
        runs={"a": {**RUN, "retrys": 1, "inputs": {"x": {"dat": "y"}}, "distribution": {"typ": "mpi"}}},
    )
    for key, meant in (
        ("cluser", "cluster"),
        ("cluster.max_node", "max_nodes"),
        ("runs.a.retrys", "retries"),
        ("runs.a.inputs.x.dat", "data"),
        ("runs.a.distribution.typ", "type"),
    ):
        (told,) = [
            problem for problem in found if problem.startswith(f"trainup:{key}: there is no such key; there are ")
        ]
        assert told.endswith(f": did you mean {meant}?")
