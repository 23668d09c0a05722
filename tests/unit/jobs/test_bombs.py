"""Files that are small or harmless to look at, and would take all time or memory to read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainup.core.job_files import reading as job_file
from trainup.core.likely_secrets import MOST_MARKS_OF_A_LINE, search
from trainup.jobs.local import data
from trainup.jobs.local.supervisor import metrics_file
from trainup.jobs.snapshot import SnapshotError, StatCache, take


def told(folder: Path, text: str) -> list[str]:
    (folder / "job.yml").write_text(text)
    return job_file.read(folder, "job.yml")[1]


def test_a_job_file_whose_aliases_multiply_is_told_what_they_stand_for(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "its aliases stand for 1," in told(tmp_path, "\n".join(lines))[0]
    merged = ["m0: &m0 {a: 1}", *(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 9))]
    assert "its aliases stand for" in told(tmp_path, "\n".join(merged))[0]


def test_aliases_of_an_ordinary_job_file_are_read(tmp_path: Path) -> None:
    text = "command: echo\nenvironment_variables: &v {A: x}\ntags: *v\n"
    (tmp_path / "job.yml").write_text(text)
    definition, problems = job_file.read(tmp_path, "job.yml")
    assert (definition["tags"], problems) == ({"A": "x"}, [])


@pytest.mark.slow
@pytest.mark.parametrize("text", ["a: &a [*a]", "[" * 10_000, "a: " * 10_000, ""])
def test_a_job_file_that_holds_itself_or_is_nested_deeply_is_told(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text)


def test_files_that_nobody_writes_by_hand_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("job.yml", "metrics.json"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 40)
    assert "nobody writes by hand" in job_file.read(tmp_path, "job.yml")[1][0]
    assert "no regular file" in job_file.read(tmp_path, "pipe")[1][0]
    assert metrics_file(tmp_path / "metrics.json") == metrics_file(tmp_path / "pipe") == {}


@pytest.mark.parametrize("name", [".gitignore", ".amlignore"])
def test_an_ignore_file_of_a_million_lines_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "train.py").touch()
    (tmp_path / name).write_text("*x*\n" * 1_000_000)
    with pytest.raises(SnapshotError, match="is no ignore file: it has more than"):
        take(tmp_path, cache=StatCache(tmp_path / "cache"))


@pytest.mark.parametrize("path", ["/", os.path.expanduser("~")])
def test_the_whole_disk_is_no_data(path: str) -> None:
    with pytest.raises(data.DataError, match="home folder"):
        data.digest_of(Path(path), StatCache(Path("cache")))


def test_a_line_with_more_beginnings_of_secrets_than_are_looked_at_is_told() -> None:
    line = b"x = '" + b"aws " * (MOST_MARKS_OF_A_LINE + 1) + b"'"
    assert [number for number, _ in search(b"\n" + line + b"\n", "x.py")] == [2]
    assert list(search(b"aws\n" * 3 + b"x = 1\n", "x.py")) == []


@pytest.mark.slow
def test_a_megabyte_in_one_line_is_searched_in_bounded_time() -> None:
    """In a process of its own: an expression that never ends could not be stopped."""
    code = (
        "from trainup.core.likely_secrets import search\n"
        "for mark in (b'ghp_', b'?sig=', b'aws ', b'eyJ', b'A3T', b'xox', b'SG.'):\n"
        "    assert list(search(mark * (1_000_000 // len(mark)), 'x.js'))\n"
        "list(search(b'eyJ' + b'a' * 1_000_000, 'x.js')); list(search((b'aws ' + b'x' * 1000) * 1000, 'x.js'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
