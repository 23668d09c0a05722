"""What an environment is made of, as requirements say it."""

import os
from pathlib import Path

import pytest

from trainup.jobs.local.recipe import MOST_FILES, MOST_REQUIREMENTS, read_recipe


def told(folder: Path, text: str) -> list[str]:
    (folder / "r.txt").write_text(text)
    return read_recipe(folder / "r.txt")[1]


def test_included_files_are_part_of_the_reference(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.txt").write_text("b==1\n")
    assert told(tmp_path, "a==1\n-r sub/more.txt\n-c 'sub/more.txt'\n") == []
    before, _ = read_recipe(tmp_path / "r.txt")
    assert before.lines == ("a==1", "-r", "b==1", "-c", "b==1")
    (tmp_path / "sub" / "more.txt").write_text("b==2\n")
    assert read_recipe(tmp_path / "r.txt")[0].reference != before.reference


def test_everything_that_leaves_open_what_gets_installed_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("--find-links wheels\n")
    lines = ["foo @ /abs/foo.whl", "wheels/bar.whl", "-r more.txt", "-r https://h/r.txt", "baz @ git+https://g/b"]
    first, second, third, fourth, fifth = told(tmp_path, "\n".join(lines))
    assert f"{tmp_path / 'r.txt'} names a local path ('foo @ /abs/foo.whl')" in first
    assert f"{tmp_path / 'r.txt'} names a local path ('wheels/bar.whl')" in second
    assert f"{tmp_path / 'more.txt'} names a local path ('--find-links wheels')" in third
    assert "includes an address ('-r https://h/r.txt')" in fourth
    assert "names no commit ('baz @ git+https://g/b')" in fifth


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.py"])
def test_a_project_is_no_file_of_requirements(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("[project]\ndependencies = ['a']\n")
    assert "pip's format" in read_recipe(tmp_path / name)[1][0]


def test_files_that_include_each_other_are_told(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert "includes itself" in told(tmp_path, "-r sub/../r.txt\n")[0]


def test_files_that_include_each_other_over_and_over_are_bounded(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n-r {number + 1}.txt\n")
    (tmp_path / "40.txt").write_text("a\n")
    problems = read_recipe(tmp_path / "0.txt")[1]
    assert f"more than {MOST_FILES} files" in problems[0]
    assert len(problems) < 2 * MOST_FILES


def test_what_is_no_file_that_can_be_read_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    for name, reason in (
        ("pipe", "no regular file"),
        ("huge", "MB"),
        ("missing", "no file"),
        ("a\0", "cannot be read"),
    ):
        assert reason in read_recipe(tmp_path / name)[1][0], name
    assert told(tmp_path, "#" * (MOST_REQUIREMENTS - 1)) == []


def test_the_lines_of_a_reference_stay_what_they_were(tmp_path: Path) -> None:
    """Other ones would build every environment and train every run again."""
    (tmp_path / "more.txt").write_text("c\n")
    told(
        tmp_path,
        "a==1  # why\n--index-url https://h/s\nb[x]>=2 \\\n  ; python_version > '3'\n"
        "-r more.txt\n--requirement=more.txt\n",
    )
    assert read_recipe(tmp_path / "r.txt")[0].lines == (
        "a==1",
        "--index-url https://h/s",
        "b[x]>=2  ; python_version > '3'",
        "-r",
        "c",
        "--requirement=more.txt",
        "c",
    )
