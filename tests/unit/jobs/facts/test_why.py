"""Why a run trains again, in words."""

from typing import Any

import pytest

from trainup.core.values import UNKNOWN, Secret
from trainup.jobs.facts.files import compare
from trainup.jobs.facts.why import Surroundings, reasons

BASE: dict[str, Any] = {
    "run": "digits",
    "target": "local",
    "workspace": ".trainup/local",
    "source": "training",
    "script": "train.py",
    "arguments": ["--epochs", "3", "--data", "digits"],
    "manifest": {"train.py": "aa:10"},
    "snapshot_digest": "a" * 64,
    "digest": "b" * 64,
}
TOKEN = "ghp_" + "a1B2c3D4e" * 4
DATA = {"uri": "data/pets", "digest": "sha256:1"}


def texts(before: dict[str, Any], now: dict[str, Any], **around: Any) -> list[str]:
    """The reasons; those that change nothing but the run's record begin with a dash."""
    old, new = {**BASE, **before}, {**BASE, **now}
    around.setdefault("files", compare(old["manifest"] or {}, new["manifest"] or {}))
    return [("- " if one.in_place else "") + one.text for one in reasons(old, new, Surroundings(**around))]


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": ({}, {}, []),
    "only digests": ({}, {"digest": "c", "snapshot_digest": "d"}, []),
    "a file": ({}, {"manifest": {"train.py": "bb:12"}}, ["training/train.py changed (10 B → 12 B)"]),
    "a file of the project's own folder": (
        {"source": "."},
        {"source": ".", "manifest": {"train.py": "bb:12"}},
        ["train.py changed (10 B → 12 B)"],
    ),
    "many files": (
        {},
        {"manifest": {f"{name}.py": "cc:1" for name in "abcdef"}},
        [*(f"training/{name}.py added" for name in "abcd"), "and 3 more files of training"],
    ),
    "another folder": (
        {},
        {"source": "other", "manifest": {"train.py": "bb:1", "a.py": "cc:2"}},
        ["source: training → other (files: 1 changed, 1 added)"],
    ),
    "the same files in another folder": ({}, {"source": "other"}, []),
    "no source any more": (
        {},
        {"source": None, "manifest": None, "script": None, "command": ["true"]},
        ["source: training → none (files: 1 removed)", "script: train.py → none", "command: none → true"],
    ),
    "a value": ({}, {"arguments": ["--epochs", "5", "--data", "digits"]}, ["arguments: --epochs 3 → 5"]),
    "a flag more and one less": (
        {"arguments": ["--smoke", "--lr=0.1", "-1"]},
        {"arguments": ["--lr=0.2", "-1", "--fast"]},
        ["arguments: --lr 0.1 → 0.2, −--smoke, +--fast"],
    ),
    "another order": ({"arguments": ["a", "b"]}, {"arguments": ["b", "a"]}, ["arguments: +b, −b"]),
    "the same flag twice": (
        {"arguments": ["--tag", "a", "--tag", "b"]},
        {"arguments": ["--tag", "a", "--tag", "c"]},
        ["arguments: --tag b → --tag c"],
    ),
    "a secret among arguments": (
        {"arguments": ["--token", "x"]},
        {"arguments": ["--token", TOKEN]},
        ["arguments: --token x → ***"],
    ),
    "a command of a job file": (
        {"job": "job.yml", "definition": {"shell_command": "python a.py --epochs 3 && echo 'it"}},
        {"job": "job.yml", "definition": {"shell_command": "python a.py --epochs 5 && echo 'it"}},
        ["command: --epochs 3 → 5"],
    ),
    "a command in place of a script": (
        {},
        {"script": None, "arguments": None, "command": ["bash", "run.sh", "--token", TOKEN]},
        [
            "script: train.py → none",
            "arguments: −--epochs 3, −--data digits",
            "command: none → bash run.sh --token ***",
        ],
    ),
    "a Conda file": (
        {"target": "azure", "definition": {"conda": "dependencies:\n  - python=3.11\n  - pip:\n    - torch==2.8\n"}},
        {"target": "azure", "definition": {"conda": "dependencies:\n  - python=3.11\n  - pip:\n    - torch==2.9\n"}},
        ["conda: torch 2.8 → 2.9"],
    ),
    "variables": (
        {"environment_variables": {"A": "1", "B": "2", "TOKEN": TOKEN}},
        {"environment_variables": {"A": "3", "C": "x y", "TOKEN": "none"}},
        ["environment_variables: A 1 → 3, −B, +C=x y, TOKEN *** → ***"],
    ),
    "names of secrets": (
        {"secrets": {"A": Secret("one"), "B": Secret("two")}},
        {"secrets": {"A": Secret("one"), "C": Secret("three")}},
        ["secrets: +C, −B"],
    ),
    "the value of a secret": (
        {"secrets": {"A": Secret("one")}},
        {"secrets": {"A": Secret("two")}},
        ["secrets: a value changed"],
    ),
    "nodes and size": (
        {"size": "gpu-small"},
        {"nodes": 2.0, "size": "gpu-large"},
        ["nodes: none → 2", "size: gpu-small → gpu-large"],
    ),
    "data": (
        {"inputs": {"pets": DATA}},
        {"inputs": {"pets": {**DATA, "digest": "sha256:2"}}},
        ["data pets changed (data/pets)"],
    ),
    "the folder of data": ({"inputs": {"pets": DATA}}, {"inputs": {"pets": {**DATA, "uri": "elsewhere/pets"}}}, []),
    "data more and less": ({"inputs": {"pets": DATA}}, {"inputs": {"cats": DATA}}, ["inputs: +cats", "inputs: −pets"]),
    "a literal": ({"inputs": {"lr": {"value": "1"}}}, {"inputs": {"lr": {"value": "2"}}}, ["inputs: lr 1 → 2"]),
    "an upstream run": (
        {"after": {"digits": "1", "x": "2"}},
        {"after": {"digits": UNKNOWN, "y": "1"}},
        ["upstream digits trains again", "after: −x", "after: +y"],
    ),
    "the model of an upstream run": (
        {"inputs": {"model": {"uri": ".trainup/local/runs/pets-2-0123456789ab/outputs", "digest": "1" * 64}}},
        {"inputs": {"model": {"uri": UNKNOWN, "digest": "2" * 64}}},
        ["upstream pets-2 trains again"],
    ),
    "an image of another digest": (
        {"image": "ghcr.io/a/b@sha256:" + "1" * 64},
        {"image": "ghcr.io/a/b@sha256:" + "2" * 64},
        ["image: ghcr.io/a/b@111111111111 → ghcr.io/a/b@222222222222"],
    ),
    "an image to be built": (
        {"image": "a"},
        {"image": UNKNOWN},
        ["image: built again; what it will be is known later"],
    ),
    "something unknown": ({}, {"arguments": UNKNOWN}, ["arguments: known later"]),
    "again on purpose": ({}, {"rerun": "2"}, ["rerun: none → 2"]),
    "policy": (
        {"timeout": "1h", "tags": {"team": "a"}},
        {"timeout": "2h", "tags": {"team": "b"}, "rerun": "1"},
        ["rerun: none → 1", "- tags: team a → b", "- timeout: 1h → 2h"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_difference_is_told_in_words(case: str) -> None:
    before, now, expected = CASES[case]
    assert texts(before, now) == expected


def test_the_packages_of_an_image_are_told_where_both_are_known() -> None:
    known = {"venv@sha256:1": ["torch==2.8", "numpy"], "venv@sha256:2": ["torch==2.9", "numpy"]}
    images = {"image": "venv@sha256:1"}, {"image": "venv@sha256:2"}
    assert texts(*images, packages=known.get) == ["image: torch 2.8 → 2.9"]
    assert texts(*images, packages=lambda image: known.get(image) if image == "venv@sha256:2" else None) == [
        "image: venv@1 → venv@2 (the packages before are not known)"
    ]
    assert texts({"image": "a"}, {"image": UNKNOWN}, new_image="torch 2.8 → 2.9") == ["image: torch 2.8 → 2.9"]
