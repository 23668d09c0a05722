"""The selection lists exactly what git would."""

import os
import random
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trainup.jobs.snapshot import SnapshotError, StatCache, take
from trainup.jobs.snapshot.selection import select

WORDS = ["a", "b", "ab", "data", "src", "x.py", "x.csv", "été", "日本", "a b", "tail ", "#c", "!d", "[e]"]
NAMES = st.sampled_from(WORDS)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)
PIECES = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "data",
        "src",
        "a b",
        "tail ",
        "tail\\ ",
        "\\#c",
        "\\!d",
        "\\[e]",
        "[e]",
        "été",
        "\\*",
        "a\\",
        "*",
        "**",
        "?",
        "a*",
        "a**",
        "**b",
        "*.csv",
        "*.py",
        "*.*",
        "x.???",
        "?t?",
        "日*",
        "[a",
        "[a-",
        "[a-b]",
        "[!a]",
        "[^x]*",
        "[]-]",
        "[[:alpha:]]",
    ]
)
PATTERNS = st.builds(
    lambda negated, rooted, pieces, folder, end: negated + rooted + "/".join(pieces) + folder + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(st.one_of(NAMES, PIECES), min_size=1, max_size=2),
    st.sampled_from(["", "", "/"]),
    st.sampled_from(["", "", "", " ", "\t", "\r"]),
)
LINES = st.lists(st.one_of(PATTERNS, st.sampled_from(["", "# comment", "/*", "!*/", "**"])), max_size=5)


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[str], dict[str, list[str]]]:
    """Files, and the lines of ignore files by folder; the folders are ones that have files."""
    paths = draw(st.lists(PATHS, min_size=3, max_size=25))
    folders = sorted({"", *(str(folder) for path in paths for folder in PurePosixPath(path).parents)} - {"."})
    return paths, draw(st.dictionaries(st.sampled_from(folders), LINES, min_size=1, max_size=4))


def git(folder: Path, *words: str) -> bytes:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True).stdout


def listed_by_git(folder: Path) -> list[str]:
    listed = git(folder, "ls-files", "-z", "-co", "--exclude-standard", ".").split(b"\0")
    return sorted(name.decode() for name in listed if name)


def selected(folder: Path) -> list[str]:
    return [file.path for file in select(os.path.realpath(folder)).files]


def grow(root: Path, paths: list[str], ignores: dict[str, list[str]]) -> None:
    """Make the files; a path that collides with one made before is left out."""
    for path in [*paths, *(f"{folder}/.gitignore".lstrip("/") for folder in ignores)]:
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
    for folder, lines in ignores.items():
        if (root / folder / ".gitignore").is_file():
            (root / folder / ".gitignore").write_bytes("\n".join(lines).encode())


@pytest.fixture
def work_tree(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees(), st.booleans())
@example((["foo/keep", "foo/x", "src/deep/a"], {"": ["foo/**", "!foo/keep"], "src": ["*", "!a"]}), False)
@example((["a/b/a", "a/b/c"], {"": ["a/"], "a": ["!b"], "a/b": ["!*"]}), False)
@example((["a", "b/a/x", "c/a"], {"": ["a/"]}), False)
@example((["src/x.csv", "x.csv"], {"": ["*.csv"], "src": ["!x.csv"]}), False)
@example((["data/x.csv", "src/data/x.csv"], {"": ["/data/*.csv"], "src": ["!data"]}), True)
def test_the_files_are_those_that_git_lists(
    tmp_path_factory: pytest.TempPathFactory, tree: tuple[list[str], dict[str, list[str]]], below: bool
) -> None:
    top = tmp_path_factory.mktemp("tree")
    git(top, "init", "-q")
    grow(top, *tree)
    folder = top
    if below:
        folder = next((entry for entry in sorted(top.iterdir()) if entry.is_dir() and entry.name != ".git"), top)
    assert selected(folder) == listed_by_git(folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_files_of_a_large_tree_are_those_that_git_lists(work_tree: Path, seed: int) -> None:
    chance = random.Random(seed)
    paths = set()
    while len(paths) < 2_000:
        folders = chance.choices(WORDS, k=chance.randrange(5))
        paths.add("/".join([*folders, f"{chance.choice(WORDS)}{chance.randrange(60)}.{chance.choice(['py', 'csv'])}"]))
    folders = sorted({str(folder) for path in paths for folder in PurePosixPath(path).parents} - {"."})
    rules = ["*.csv", "!a*.csv", "data/", "!src", "ab*", "/b/*", "!/b/a*", "**/x.py/*", "!*/", "[e]*", "é*"]
    ignores = {"": rules[:3]} | {folder: chance.sample(rules, 3) for folder in chance.sample(folders[1:], 60)}
    grow(work_tree, sorted(paths), ignores)
    found = selected(work_tree)
    assert found == listed_by_git(work_tree)
    assert 100 < len(found) < 2_000


def test_an_excluded_folder_cannot_be_included_again_from_within(work_tree: Path) -> None:
    grow(work_tree, ["data/kept", "train.py"], {"": ["data/"], "data": ["!kept"]})
    assert selected(work_tree) == [".gitignore", "train.py"]


def test_ignore_files_above_the_source_count_up_to_the_top_of_the_work_tree(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n")
    top = tmp_path / "repository"
    (top / "src").mkdir(parents=True)
    git(top, "init", "-q")
    (top / ".gitignore").write_text("*.csv\n/src/local.txt\n")
    for name in ("train.py", "x.csv", "local.txt"):
        (top / "src" / name).touch()
    assert selected(top / "src") == ["train.py"]


def test_a_source_that_is_itself_ignored_is_refused_with_a_way_to_find_the_rule(work_tree: Path) -> None:
    grow(work_tree, ["build/train.py"], {"": ["build/"]})
    with pytest.raises(SnapshotError, match=r"build is ignored by a \.gitignore above it.*git check-ignore -v"):
        take(work_tree / "build", cache=StatCache(work_tree / "cache"))


def test_an_amlignore_at_the_root_takes_the_place_of_gitignore(work_tree: Path) -> None:
    grow(work_tree, ["src/weights.bin", "src/notes.md", "src/sub/notes.md"], {"": ["*.bin"], "src/sub": ["*"]})
    (work_tree / "src/.amlignore").write_text("notes.md\n")
    assert selected(work_tree / "src") == [".amlignore", "sub/.gitignore", "weights.bin"]


def test_an_amlignore_elsewhere_is_an_ordinary_file(work_tree: Path) -> None:
    grow(work_tree, ["sub/a.txt"], {})
    (work_tree / "sub/.amlignore").write_text("*\n")
    assert selected(work_tree) == ["sub/.amlignore", "sub/a.txt"]


def test_environments_caches_and_records_are_left_out_without_any_rule(tmp_path: Path) -> None:
    kept = ["train.py", "venv.py"]
    left = ["env/pyvenv.cfg", "env/lib/x.py", ".git/HEAD", ".trainup/run.json", "pkg/__pycache__/x.pyc"]
    grow(tmp_path, [*kept, *left, ".pytest_cache/x", ".mypy_cache/x", ".ruff_cache/x", ".ipynb_checkpoints/x"], {})
    assert selected(tmp_path) == kept


def test_a_nested_repository_follows_its_own_rules_alone(work_tree: Path) -> None:
    grow(work_tree, ["inner/a.csv", "inner/b.log", "c.csv"], {"": ["*.csv"], "inner": ["*.log"]})
    git(work_tree / "inner", "init", "-q")
    assert selected(work_tree) == [".gitignore", "inner/.gitignore", "inner/a.csv"]
