"""YAML makes numbers and dates of what was meant as text: told, with quotes as the way out, and never trained on."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from trainup.infra import settings, stack_config
from trainup.infra.stack_config import StackConfig

DAY = "2026-01-01 00:00:00 +0000 UTC"
"""What the engine makes of 2026-01-01."""
RUN = """\
config:
  trainup:runs:
    a:
      source: code
      script: main.py
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings from the text of a stack's file, and what the engine makes of it (as a real one did)."""
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")
    monkeypatch.setattr(pulumi, "get_project", lambda: "trainup")
    monkeypatch.setattr(stack_config, "get_root_directory", lambda: str(tmp_path))
    monkeypatch.setattr(stack_config, "get_config_env", dict)
    monkeypatch.setattr(stack_config, "is_config_secret", lambda key: False)

    class Config:
        texts: dict[str, str]

        @classmethod
        def get(cls) -> dict[str, str]:
            return cls.texts

    def from_file(text: str, arrives: dict[str, Any], name: str = "Pulumi.test.yaml") -> Any:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        Config.texts = {key: item if isinstance(item, str) else json.dumps(item) for key, item in arrives.items()}
        monkeypatch.setattr(stack_config, "CONFIG", Config)
        return settings.load(StackConfig.read())

    return from_file


def arguments(*values: Any) -> dict[str, Any]:
    return {"trainup:runs": {"a": {"source": "code", "script": "main.py", "arguments": list(values)}}}


def refused(load: Any, text: str, arrives: dict[str, Any], name: str = "Pulumi.test.yaml") -> list[str]:
    with pytest.raises(pulumi.RunError) as caught:
        load(text, arrives, name)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.mark.parametrize(
    ("written", "arrives", "text"),
    [
        ("2026-01-01", DAY, DAY),
        ("2026-1-1", DAY, DAY),
        ("2026-01-01T10:00:00Z", "2026-01-01 10:00:00 +0000 UTC", "2026-01-01 10:00:00 +0000 UTC"),
        ("2026-01-01 10:00:00.5 +2", "2026-01-01 10:00:00.5 +0200 +0200", "2026-01-01 10:00:00.5 +0200 +0200"),
        ("!!timestamp '2026-01-01'", DAY, DAY),
        ("18446744073709551615", 18446744073709552000, "18446744073709552000"),
        ("00123", 83, "83"),
        ("0899", 899, "899"),
        ("0o17", 15, "15"),
        ("0x1F", 31, "31"),
        ("-0x1f", -31, "-31"),
        ("0b11", 3, "3"),
        ("+1", 1, "1"),
        ("-0", 0, "0"),
        ("1_000", 1000, "1000"),
        (".5", 0.5, "0.5"),
        ("5.", 5, "5"),
        ("3.0", 3, "3"),
        ("1.10", 1.1, "1.1"),
        ("1e3", 1000, "1000"),
        ("1e-3", 0.001, "0.001"),
        ("1e-7", 1e-7, "1e-07"),
        ("0.00001", 0.00001, "1e-05"),
        ("1234e5", 123400000, "123400000"),
        ("1e21", 1e21, "1e+21"),
        ("!!int '0x7'", 7, "7"),
    ],
)
def test_a_word_that_would_become_another_text_has_to_stand_in_quotes(
    load: Any, written: str, arrives: Any, text: str
) -> None:
    (problem,) = refused(load, f"{RUN}      arguments: [--x, {written}]\n", arguments("--x", arrives))
    plain = written.rpartition(" ")[2].strip("'") if written.startswith("!") else written
    assert problem.startswith(f"trainup:runs.a.arguments[1]: {plain} was written, ")
    assert f" and turns into {text}: put in quotes what is meant, '{plain}' or '{text}'" in problem


@pytest.mark.parametrize(
    ("written", "arrives", "text"),
    [
        ("5", 5, "5"),
        ("-1", -1, "-1"),
        ("0.001", 0.001, "0.001"),
        ("1000.5", 1000.5, "1000.5"),
        ("9007199254740993", 9007199254740993, "9007199254740993"),
        ("9223372036854775807", 9223372036854775807, "9223372036854775807"),
        ("1e400", "1e400", "1e400"),
        ("1:30", "1:30", "1:30"),
        ("yes", "yes", "yes"),
        ("'2026-01-01'", "2026-01-01", "2026-01-01"),
        ('"1.10"', "1.10", "1.10"),
        (f"'{DAY}'", DAY, DAY),
        ("!!str 2026-01-01", "2026-01-01", "2026-01-01"),
        ("1e+21", 1e21, "1e+21"),
        ("multi\n        line 5", "multi line 5", "multi line 5"),
    ],
)
def test_a_word_that_stays_what_was_written_is_taken(load: Any, written: str, arrives: Any, text: str) -> None:
    found = load(f"{RUN}      arguments: [--x, {written}]\n", arguments("--x", arrives))
    assert found.runs["a"].arguments == ["--x", text]


def test_every_text_key_of_a_run_is_compared(load: Any) -> None:
    text = f"""{RUN}
      command: [run, 0x10]
      environment_variables: {{DAY: 2026-01-01}}
      tags: {{day: 2026-01-01, 2026-02-02: x}}
      rerun: 2026-01-01
      display_name: 2026-01-01
      description: 2026-01-01
      inputs:
        a: {{uri: data, version: 1.10}}
        b: {{value: 010}}
        c: {{data: 2026-01-01}}
"""
    run = {
        "source": "code",
        "script": "main.py",
        "command": ["run", 16],
        "environment_variables": {"DAY": DAY},
        "tags": {"day": DAY, "2026-02-02 00:00:00 +0000 UTC": "x"},
        "rerun": DAY,
        "display_name": DAY,
        "description": DAY,
        "inputs": {"a": {"uri": "data", "version": 1.1}, "b": {"value": 8}, "c": {"data": DAY}},
    }
    found = refused(load, text, {"trainup:runs": {"a": run}})
    assert sorted(problem.split(": ")[0] for problem in found) == [
        "trainup:runs.a.command[1]",
        "trainup:runs.a.description",
        "trainup:runs.a.display_name",
        "trainup:runs.a.environment_variables.DAY",
        "trainup:runs.a.inputs.a.version",
        "trainup:runs.a.inputs.b.value",
        "trainup:runs.a.inputs.c.data",
        "trainup:runs.a.rerun",
        "trainup:runs.a.tags.2026-02-02 00:00:00 +0000 UTC",
        "trainup:runs.a.tags.day",
    ]
    assert all("put in quotes what is meant, '" in problem for problem in found)


@pytest.mark.parametrize(
    ("written", "arrives"), [("007", "7"), ("1.10", "1.1"), ("True", "true"), ("~", "<nil>"), ("2026-01-01", DAY)]
)
def test_keys_of_maps_are_compared_too(load: Any, written: str, arrives: str) -> None:
    run = {"source": "code", "script": "main.py", "tags": {arrives: "x", "ok": "x"}}
    (problem,) = refused(load, f"{RUN}      tags: {{{written}: x, ok: x}}\n", {"trainup:runs": {"a": run}})
    assert problem.startswith("trainup:runs.a.tags.")
    assert f"the key {written} was written, and {arrives} arrives: put in quotes what is meant, '{written}'" in problem


def test_other_sections_of_both_targets_are_compared(load: Any, tmp_path: Path) -> None:
    text = "config:\n  trainup:image: {python: 3.10, requirements: 2026-01-01}\n"
    found = refused(load, text, {"trainup:image": {"python": 3.1, "requirements": DAY}})
    assert [problem.split(": ")[0] for problem in found] == ["trainup:image.requirements", "trainup:image.python"]
    assert "3.10 was given, which YAML takes for a number, and this is a text" in found[1]

    text = """\
config:
  azure-native:location: 2026-01-01
  trainup:target: azure
  trainup:image: {builder: prebuilt, reference: ghcr.io/a/b:1}
  trainup:tags: {cost: 00123, on: 2026-01-01}
  trainup:cluster: {name: 1e3, max_nodes: 0x10}
"""
    arrives = {
        "azure-native:location": DAY,
        "trainup:target": "azure",
        "trainup:image": {"builder": "prebuilt", "reference": "ghcr.io/a/b:1"},
        "trainup:tags": {"cost": 83, "on": DAY},
        "trainup:cluster": {"name": 1000, "max_nodes": 16},
    }
    found = refused(load, text, arrives)
    assert {problem.split(": ")[0] for problem in found} == {
        "azure-native:location",
        "trainup:tags.cost",
        "trainup:tags.on",
        "trainup:cluster.name",
    }


def test_numbers_that_are_meant_as_numbers_may_be_written_as_one_likes(load: Any) -> None:
    text = (
        f"{RUN}      nodes: 0x2\n      node_price: 1e-1\n      timeout: 1_000\n  trainup:cluster: {{max_nodes: +2}}\n"
    )
    run = {"source": "code", "script": "main.py", "nodes": 2, "node_price": 0.1, "timeout": 1000}
    found = load(text, {"trainup:runs": {"a": run}, "trainup:cluster": {"max_nodes": 2}})
    assert (found.runs["a"].nodes, found.runs["a"].node_price, found.runs["a"].timeout) == (2, 0.1, "1000")
    assert found.cluster.max_nodes == 2


def test_what_an_alias_or_a_merge_brings_is_compared_at_its_place(load: Any) -> None:
    text = """\
config:
  trainup:runs:
    a: &a {source: code, script: main.py, rerun: 2026-01-01, arguments: &words [1.10]}
    b: {<<: *a, rerun: ok}
    c: {<<: [*a, {description: 2026-01-01}], arguments: *words}
"""
    base = {"source": "code", "script": "main.py", "arguments": [1.1]}
    runs = {
        "a": {**base, "rerun": DAY},
        "b": {**base, "rerun": "ok"},
        "c": {**base, "rerun": DAY, "description": DAY},
    }
    found = refused(load, text, {"trainup:runs": runs})
    assert sorted(problem.split(": ")[0].removeprefix("trainup:runs.") for problem in found) == [
        "a.arguments[0]",
        "a.rerun",
        "b.arguments[0]",
        "c.arguments[0]",
        "c.description",
        "c.rerun",
    ]


@pytest.mark.parametrize(
    ("name", "of_project", "project"),
    [
        ("Pulumi.test.yaml", "Pulumi.yaml", "name: trainup\n"),
        ("config/Pulumi.test.yaml", "Pulumi.yaml", "name: trainup\nstackConfigDir: config\n"),
        ("Pulumi.test.yml", "Pulumi.yml", "name: trainup\n"),
        ("Pulumi.test.json", "Pulumi.json", '{"name": "trainup"}'),
    ],
)
def test_the_file_is_found_where_the_engine_finds_it(
    load: Any, tmp_path: Path, name: str, of_project: str, project: str
) -> None:
    (tmp_path / of_project).write_text(project)
    text = json.dumps({"config": arguments("KEEP")}).replace('"KEEP"', "1.10")
    assert "1.10 was written" in refused(load, text, arguments(1.1), name)[0]


@pytest.mark.parametrize("key", ["runs", "trainup:config:runs"])
def test_the_namespace_may_be_left_out_as_the_engine_allows(load: Any, key: str) -> None:
    text = RUN.replace("trainup:runs", key)
    assert "1.10 was written" in refused(load, f"{text}      arguments: [1.10]\n", arguments(1.1))[0]


def test_values_of_the_project_file_are_compared_too(load: Any) -> None:
    text = "name: trainup\nconfig:\n  image:\n    value: {python: 3.10}\n"
    assert "3.10 was given" in refused(load, text, {"trainup:image": {"python": 3.1}}, "Pulumi.yaml")[0]


@pytest.mark.parametrize("value", [DAY, 1e21, 18446744073709552000, 1e-7])
def test_without_the_file_what_is_doubtful_is_refused(load: Any, value: Any) -> None:
    """As with `--config-file`: the stack's own file holds something else."""
    (problem,) = refused(load, f"{RUN}      arguments: [other]\n", arguments(value))
    assert problem.startswith("trainup:runs.a.arguments[0]: ")
    assert "put" in problem
    assert "in quotes" in problem


def test_without_the_file_numbers_are_taken_and_told(load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    found = load("config: {}\n", arguments("--epochs", 5, 0.001))
    assert found.runs["a"].arguments == ["--epochs", "5", "0.001"]
    assert "does not come from Pulumi.test.yaml" in told[0]
    assert "(5, 0.001): put them in quotes" in told[0]


def test_a_file_that_is_no_text_or_no_yaml_is_no_crash(load: Any, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_bytes(b"\xff\xfe\x00")
    assert load("a: [\n", arguments("x")).runs["a"].arguments == ["x"]
    assert load("config: [1]\n", arguments("x", 5)).runs["a"].arguments == ["x", "5"]
    assert load("config: {trainup:runs: &a {<<: *a}}\n", arguments(5)).runs["a"].arguments == ["5"]


def test_a_nested_secret_is_neither_compared_nor_shown(load: Any) -> None:
    text = f"{RUN}      rerun: {{secure: v1:abc}}\n"
    run = {"source": "code", "script": "main.py", "rerun": 5}
    assert load(text, {"trainup:runs": {"a": run}}).runs["a"].rerun == "5"
