"""What a registry is sent to build from: the same digest for the same content, and nothing that must not leave."""

import io
import os
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainup.core import likely_secrets
from trainup.jobs import build_context
from trainup.jobs.build_context import OWN_DOCKERFILE, BuildContext, ContextChanged, Recipe
from trainup.jobs.snapshot import StatCache

DOCKERFILE = "FROM scratch\nCOPY . /\n"
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "context"
    (made / "src").mkdir(parents=True)
    (made / "Dockerfile").write_text(DOCKERFILE)
    (made / "src" / "a.py").write_text("print('a')\n")
    return made


def recipe(folder: Path, **more: Any) -> Recipe:
    return Recipe(**{"context": folder, "dockerfile": folder / "Dockerfile", **more})


def take(wanted: Recipe) -> BuildContext:
    taken, findings = build_context.examine(wanted, StatCache(Path("none")))
    assert not findings, findings
    assert taken
    return taken


def problems(wanted: Recipe) -> list[str]:
    taken, findings = build_context.examine(wanted, StatCache(Path("none")))
    assert taken is None
    return [f"{finding.property}: {finding.reason}" for finding in findings]


def packed(wanted: Recipe, taken: BuildContext | None = None) -> bytes:
    archive = io.BytesIO()
    build_context.pack(wanted, taken or take(wanted), archive)
    return archive.getvalue()


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar if not member.isdir()}


def content(data: bytes, name: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        file = tar.extractfile(name)
        assert file
        return file.read().decode()


def test_the_digest_is_that_of_the_content_wherever_and_whenever_it_lies(folder: Path, tmp_path: Path) -> None:
    before = take(recipe(folder)).digest
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    os.utime(elsewhere / "src" / "a.py", (0, 0))
    (elsewhere / "empty").mkdir()
    assert take(recipe(elsewhere)).digest == before
    assert packed(recipe(elsewhere)) == packed(recipe(elsewhere))


EDITS = {
    "a file": lambda folder: (folder / "src" / "a.py").write_text("print('b')\n"),
    "a new file": lambda folder: (folder / "b").write_text(""),
    "a file gone": lambda folder: (folder / "src" / "a.py").unlink(),
    "a file renamed": lambda folder: (folder / "src" / "a.py").rename(folder / "src" / "b.py"),
    "who may execute": lambda folder: (folder / "src" / "a.py").chmod(0o755),
    "a link": lambda folder: (folder / "b").symlink_to("src/a.py"),
    "the Dockerfile": lambda folder: (folder / "Dockerfile").write_text(f"{DOCKERFILE}# more\n"),
    "what is ignored": lambda folder: (folder / ".dockerignore").write_text("src\n"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_change_of_what_is_built_from_is_another_digest(folder: Path, edit: str) -> None:
    before = take(recipe(folder))
    EDITS[edit](folder)
    after = take(recipe(folder))
    assert after.digest != before.digest
    assert after.manifest != before.manifest


def test_arguments_platform_and_text_are_part_of_the_digest(folder: Path) -> None:
    plain = take(recipe(folder)).digest
    others = [{"arguments": {"A": "1"}}, {"arguments": {"A": "2"}}, {"platform": "linux/arm64"}, {"text": "FROM x"}]
    assert len({plain, *(take(recipe(folder, **other)).digest for other in others)}) == 5


def test_what_is_ignored_is_neither_sent_nor_part_of_the_digest(folder: Path) -> None:
    (folder / ".dockerignore").write_text("**/*.log\n.dockerignore\n")
    (folder / "src" / "x.log").write_text("one")
    before = take(recipe(folder)).digest
    (folder / "src" / "x.log").write_text("two")
    assert take(recipe(folder)).digest == before
    assert "src/x.log" not in members(packed(recipe(folder)))


def test_the_dockerfile_and_the_rules_are_sent_although_they_are_ignored(folder: Path) -> None:
    (folder / ".dockerignore").write_text("*\n!src\n")
    data = packed(recipe(folder))
    assert sorted(members(data)) == [".dockerignore", "Dockerfile", "src/a.py"]
    assert content(data, ".dockerignore") == "*\n!src\n"
    assert take(recipe(folder)).files.keys() == {"src/a.py"}


def test_an_ignore_file_of_the_dockerfiles_own_comes_first(folder: Path) -> None:
    (folder / ".dockerignore").write_text("src\n")
    (folder / "Dockerfile.dockerignore").write_text("*ignore\n")
    assert take(recipe(folder)).files.keys() == {"Dockerfile", "src/a.py"}


@pytest.mark.parametrize("where", ["text", "outside"])
def test_a_dockerfile_from_outside_does_not_get_into_the_image(folder: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "Other").write_text(DOCKERFILE)
    more = {"text": DOCKERFILE} if where == "text" else {"dockerfile": tmp_path / "Other"}
    wanted = recipe(folder, **more)
    data = packed(wanted)
    assert wanted.dockerfile_name == OWN_DOCKERFILE
    assert content(data, OWN_DOCKERFILE) == DOCKERFILE
    assert content(data, ".dockerignore").splitlines() == [OWN_DOCKERFILE, ".dockerignore"]
    (folder / ".dockerignore").write_text("# none\n")
    assert content(packed(wanted), ".dockerignore").splitlines() == ["# none", "", OWN_DOCKERFILE]


def test_caches_repositories_and_environments_stay_here(folder: Path) -> None:
    for name in (".git/HEAD", "src/__pycache__/a.pyc", ".trainup/x", "venv/pyvenv.cfg", "venv/bin/python"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    assert take(recipe(folder)).files.keys() == {"Dockerfile", "src/a.py"}
    (folder / ".dockerignore").write_text("!.git\n!venv\n")
    assert {".git/HEAD", "venv/bin/python"} < take(recipe(folder)).files.keys()


def test_links_stay_links_and_who_may_execute_may(folder: Path) -> None:
    (folder / "up").symlink_to("../outside")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o700)
    sent = members(packed(recipe(folder)))
    assert sent["up"].linkname == "../outside"
    assert stat.filemode(sent["run.sh"].mode) == "?rwxr-xr-x"
    assert stat.filemode(sent["src/a.py"].mode) == "?rw-r--r--"
    assert {(member.uid, member.uname, member.mtime) for member in sent.values()} == {(0, "", 0)}


def test_what_looks_like_a_secret_is_not_sent(folder: Path) -> None:
    (folder / "src" / "key").write_text(f"a\n{KEY}\n")
    (problem,) = problems(recipe(folder))
    assert problem.startswith("context: src/key:2 looks like a secret (Private Key), which everyone who may pull")
    assert take(recipe(folder, allow_secrets=["src/key:2"]))
    (folder / ".dockerignore").write_text("src\n")
    assert take(recipe(folder))


def test_a_secret_in_the_dockerfile_or_an_argument_is_seen_as_well(folder: Path) -> None:
    (folder / ".dockerignore").write_text("Dockerfile\n")
    (folder / "Dockerfile").write_text(f"FROM x\nRUN echo '{KEY}'\n")
    found = problems(recipe(folder, arguments={"KEY": KEY}))
    assert [text.partition(" looks like")[0] for text in found] == ['arguments["KEY"]: it', "context: Dockerfile:2"]
    assert problems(recipe(folder, text=f"FROM x\nRUN echo '{KEY}'"))


def test_everything_that_stands_against_a_build_is_told_at_once(folder: Path) -> None:
    (folder / "src" / "key").write_text(KEY)
    os.mkfifo(folder / "pipe")
    (folder / "none").symlink_to("nowhere")  # Docker sends it as it is
    found = problems(recipe(folder, arguments={"A": KEY}))
    assert len(found) == 3
    assert any("pipe is neither a file nor a folder" in text for text in found)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"context": Path("nowhere")}, "context: there is no folder nowhere: `context` is relative to Pulumi.yaml"),
        ({"dockerfile": Path("nowhere")}, "dockerfile: there is no nowhere: write one, name another"),
    ],
)
def test_a_missing_context_or_dockerfile_is_told_with_the_way_out(folder: Path, more: Any, says: str) -> None:
    (problem,) = problems(recipe(folder, **more))
    assert problem.startswith(says)


def test_rules_that_docker_could_not_read_are_told(folder: Path) -> None:
    (folder / ".dockerignore").write_text("[a\n")
    (problem,) = problems(recipe(folder))
    assert "the .dockerignore of" in problem
    assert "'[a' is no pattern" in problem


def test_too_much_is_told_with_what_is_largest(folder: Path) -> None:
    for number in range(2_001):
        (folder / "src" / f"{number}.txt").touch()
    (problem,) = problems(recipe(folder))
    assert problem.startswith("context: the context holds 2,003 files, and at most 2,000 are sent: src/ 2,002 files")
    assert "Exclude what the image does not need in a .dockerignore" in problem


@pytest.mark.parametrize("edit", EDITS)
def test_what_changed_since_the_preview_is_not_sent(folder: Path, edit: str) -> None:
    wanted = recipe(folder)
    taken = take(wanted)
    EDITS[edit](folder)
    with pytest.raises(ContextChanged, match=r"changed between the preview and the build: .*run `pulumi up` again"):
        packed(wanted, taken)


def test_what_cannot_be_read_any_more_is_not_sent(folder: Path) -> None:
    wanted = recipe(folder)
    taken = take(wanted)
    (folder / "Dockerfile").unlink()
    with pytest.raises(ContextChanged, match="cannot be read any more"):
        packed(wanted, taken)


CONTENT = st.binary(max_size=30).filter(lambda data: not list(likely_secrets.search(data, "file")))
NAME = st.text("abc.-_ é", min_size=1, max_size=5).filter(lambda name: name.strip(". ") == name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=st.dictionaries(st.lists(NAME, min_size=1, max_size=3).map(tuple), CONTENT, max_size=6))
def test_the_archive_holds_exactly_the_files_of_the_digest(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[tuple[str, ...], bytes]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    for parts, data in tree.items():
        try:
            folder.joinpath(*parts[:-1]).mkdir(parents=True, exist_ok=True)
            folder.joinpath(*parts).write_bytes(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
    wanted = recipe(folder)
    taken = take(wanted)
    assert members(packed(wanted, taken)).keys() == taken.files.keys()


def test_what_a_dockerignore_keeps_out_is_counted_by_its_lines(tmp_path: Path) -> None:
    files = {".dockerignore": "# data\n*.csv\nraw\n!raw/keep.txt\n", "Dockerfile": "FROM a\n", "a.csv": "12"}
    files |= {"raw/keep.txt": "1", "raw/b.bin": "123", ".git/HEAD": "1234", "venv/pyvenv.cfg": "1"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    sizes, rules = build_context.survey(Recipe(tmp_path, tmp_path / "Dockerfile"))
    assert sorted(sizes) == [".dockerignore", "Dockerfile", "raw/keep.txt"]
    assert [(one.rule, one.file, one.line, one.files, one.bytes) for one in rules] == [
        ("**/.git", "", 0, 1, 4),
        ("raw", ".dockerignore", 3, 1, 3),
        ("*.csv", ".dockerignore", 2, 1, 2),
        ("virtual environments", "", 0, 1, 1),
    ]


def test_the_packages_of_requirements_and_conda_files_are_listed_without_logins(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "requirements-gpu.txt").write_text("torch==2.8\n--index-url https://${USER}@host/simple # mine\n")
    (tmp_path / "conda.yml").write_text("dependencies:\n- python=3.11\n")
    (tmp_path / "notes.txt").write_text("a\n")
    recipe = Recipe(tmp_path, tmp_path / "Dockerfile")
    content, _ = build_context.examine(recipe, StatCache(tmp_path / "cache.json"))
    assert content is not None
    assert build_context.packages(recipe, content) == {
        "conda.yml": ["python=3.11"],
        "requirements-gpu.txt": ["torch==2.8", "--index-url https://***@host/simple"],
    }
