"""What a line of requirements says, and whether that is all there is to what gets installed."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.requirements import MOST_CHARACTERS, included, lines, problem

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "line",
    [
        "foo @ /abs/foo-1.0-py3-none-any.whl",
        "foo[x] @ file:///abs/foo-1.0-py3-none-any.whl",
        "foo @ FILE:///abs/foo.whl",
        "--find-links /abs",
        "--find-links=wheels",
        "-f /abs",
        "-f/abs",
        "-f file:///abs",
        "--index-url file:///abs/simple",
        "-i ../simple",
        "--extra-index-url=/abs/simple",
        "wheels/foo.whl",
        "foo.whl",
        "foo-1.0.tar.gz ; python_version > '3'",
        "foo @ ./wheels/foo.whl",
        "foo@wheels/foo.whl",
        "./foo",
        "../foo",
        "foo/",
        "~/foo",
        "/abs/foo",
        r"C:\foo",
        "-e .",
        "-e../foo",
        "--editable=../foo",
        "-e git+file:///abs/foo@" + COMMIT,
        "foo @ git+file:///abs/foo@" + COMMIT,
        "git+/abs/foo@" + COMMIT,
    ],
)
def test_a_path_of_this_machine_is_refused(line: str) -> None:
    assert "names a local path" in (problem(line) or "")


@pytest.mark.parametrize(
    "line",
    ["foo @ git+https://g/foo", "git+https://g/foo@main", "-e git+https://g/foo@v1.2#egg=foo", "foo@git+ssh://git@g/f"],
)
def test_what_a_branch_or_tag_stands_for_is_refused(line: str) -> None:
    assert "names no commit" in (problem(line) or "")
    assert "git ls-remote" in (problem(line) or "")


@pytest.mark.parametrize("line", ["${PACKAGE}", "-r ${PLACE}/more.txt", "-i ${INDEX}", "foo @ https://h/${V}/f.whl"])
def test_what_a_variable_stands_for_is_refused(line: str) -> None:
    assert "has a variable outside of a login" in (problem(line) or "")


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "torch==2.1+cu118",
        "foo[a,b] >= 1.0, < 2 ; platform_system == 'Linux'",
        "foo==1.0 --hash=sha256:abc --hash=sha256:def",
        "zope.interface",
        "foo @ https://h/foo-1.0-py3-none-any.whl#sha256=abc",
        "https://h/foo-1.0.tar.gz",
        f"foo @ git+https://g/foo@{COMMIT}#subdirectory=x",
        f"-e git+ssh://git@g/foo.git@{COMMIT}",
        "--extra-index-url https://${USER}:${TOKEN}@h/simple",
        "--find-links https://h/links",
        "--index-url=https://h/simple",
        "--no-index",
        "--pre",
        "--only-binary :all:",
        "-r more/requirements.txt",
        "-c constraints.txt",
        "no requirement at all",
    ],
)
def test_what_is_the_same_everywhere_is_taken(line: str) -> None:
    assert problem(line) is None


def test_no_password_is_repeated() -> None:
    assert "s3cret" not in (problem("foo @ git+https://me:s3cret@g/foo") or "")
    assert "s3cret" not in (problem("--index-url https://me:s3cret@h/${X}") or "")


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("-r a.txt", "a.txt"),
        ("-ra.txt", "a.txt"),
        ("--requirement=a b.txt", "a b.txt"),
        ('-c "a b.txt"', "a b.txt"),
        ("a.txt", None),
        ("--require-hashes", None),
    ],
)
def test_a_line_that_includes_a_file_names_it(line: str, file: str | None) -> None:
    assert included(line) == file


def test_comments_and_continued_lines_are_read_as_pip_reads_them() -> None:
    text = "# first\na==1 # why\nb==2 \\\n   --hash=sha256:x\n\nc @ https://h/c#sha256=1\n"
    assert list(lines(text)) == ["a==1", "b==2  --hash=sha256:x", "c @ https://h/c#sha256=1"]


@given(st.text(st.sampled_from("ab.-/@[]${}:+ ;#=\\~git"), max_size=60))
def test_whatever_is_written_gets_an_answer(line: str) -> None:
    assert problem(line) is None or problem(line)


def test_a_line_of_any_length_is_judged_in_bounded_time() -> None:
    """In a process of its own: an expression that never ends could not be stopped."""
    code = (
        "from trainup.core.requirements import problem\n"
        "for piece in (' ', 'a ', '.zip[', '${', 'a @ ', '://', '[', 'git+', '-', 'a;', '(', 'a=='):\n"
        f"    problem(piece * ({MOST_CHARACTERS} // len(piece))); problem('x' + piece * 10**6)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
