"""What each rule keeps out of a snapshot: the rule, its file and line, files and bytes."""

from pathlib import Path

import pytest

from trainup.jobs.snapshot import kept_out


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def rules(source: Path) -> list[tuple[str, str, int, int, int]]:
    return [(one.rule, one.file, one.line, one.files, one.bytes) for one in kept_out.survey(source)[1]]


def test_each_rule_has_its_place_and_what_it_keeps_out(tmp_path: Path) -> None:
    source = written(
        tmp_path,
        {
            ".gitignore": "# logs\n*.log\n!keep.log\nbig/\n",
            "sub/.gitignore": "\n/own.txt\n",
            "a.py": "1",
            "a.log": "12",
            "keep.log": "1",
            "sub/b.log": "123",
            "sub/own.txt": "1234",
            "big/x/y": "12345678",
            "big/z": "1",
            "outputs/model.pkl": "123456",
            "sub/__pycache__/a.pyc": "1",
            "venv/pyvenv.cfg": "1",
            "venv/lib/x.py": "1",
            "wandb/run/x": "12345",
        },
    )
    assert [file.path for file in kept_out.survey(source)[0]] == [".gitignore", "a.py", "keep.log", "sub/.gitignore"]
    assert rules(source) == [
        ("big/", ".gitignore", 4, 2, 9),
        ("outputs", "", 0, 1, 6),
        ("caches and records of tools", "", 0, 1, 5),
        ("*.log", ".gitignore", 2, 2, 5),
        ("/own.txt", "sub/.gitignore", 2, 1, 4),
        ("virtual environments", "", 0, 2, 2),
        ("__pycache__", "", 0, 1, 1),
    ]


def test_the_rules_of_azure_ml_take_the_place_of_those_of_git(tmp_path: Path) -> None:
    source = written(tmp_path, {".gitignore": "*.a\n", ".amlignore": "\r\n*.b\r\n", "x.a": "1", "x.b": "12"})
    assert rules(source) == [("*.b", ".amlignore", 2, 1, 2)]


def test_a_rule_above_the_source_is_named_by_its_path(tmp_path: Path) -> None:
    written(tmp_path, {".git/HEAD": "", ".gitignore": "*.log\n", "code/a.py": "1", "code/a.log": "12"})
    assert rules(tmp_path / "code") == [("*.log", "../.gitignore", 1, 1, 2)]


def test_beyond_a_limit_it_is_said_that_there_is_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_out, "MOST_COUNTED", 10)
    source = written(tmp_path, {".gitignore": "big/\n", **{f"big/{number}": "1" for number in range(20)}})
    (rule,) = kept_out.survey(source)[1]
    assert rule.is_least
    assert rule.files < 20
