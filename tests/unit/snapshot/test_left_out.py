"""What is no part of a run's code: configuration, state, caches, and what runs by hand leave behind."""

from pathlib import Path

import pytest

from trainup.jobs.snapshot import SnapshotError, StatCache, take

CODE = {"a.py": "print(1)", "package/outputs/kept.py": "x = 1", "package/wandb/kept.py": "x = 2"}
LEFT_OUT = [
    "Pulumi.yaml",
    "Pulumi.local.yaml",
    "Pulumi.dev.yml",
    "Pulumi.json",
    "package/Pulumi.prod.yaml",
    ".pulumi/stacks/own/local.json",
    "state/.pulumi/meta.yaml",
    ".trainup/local/runs/x/run.json",
    "mlruns/0/meta.yaml",
    "mlflow.db",
    "mlartifacts/0/model.pkl",
    "outputs/model.pkl",
    "wandb/run-1/files/config.yaml",
    "lightning_logs/version_0/events",
    "package/__pycache__/a.pyc",
    ".ipynb_checkpoints/a.ipynb",
    ".pytest_cache/README.md",
    ".cache/huggingface/x",
    ".idea/workspace.xml",
    ".vscode/settings.json",
    ".coverage",
    ".DS_Store",
]


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def digest(root: Path, cache: StatCache) -> str:
    return take(root, cache=cache).digest


@pytest.fixture
def cache(tmp_path: Path) -> StatCache:
    return StatCache(tmp_path / "cache.json")


@pytest.mark.parametrize("name", LEFT_OUT)
def test_it_neither_travels_with_a_run_nor_changes_what_the_run_is(tmp_path: Path, cache: StatCache, name: str) -> None:
    source = written(tmp_path / "source", CODE)
    before = digest(source, cache)
    written(source, {name: "anything"})
    assert list(take(source, cache=cache).files) == sorted(CODE)
    assert digest(source, cache) == before


@pytest.mark.parametrize("name", ["pulumi.yaml", "Pulumi.txt", "MyPulumi.yaml", "a/outputs/x", "Pulumi"])
def test_what_only_looks_alike_is_code(tmp_path: Path, cache: StatCache, name: str) -> None:
    source = written(tmp_path / "source", {**CODE, name: "anything"})
    assert name in take(source, cache=cache).files


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("with_trees", [False, True])
def test_a_pointer_of_git_lfs_is_no_file_to_train_with(tmp_path: Path, cache: StatCache, with_trees: bool) -> None:
    from trainup.jobs.snapshot import TreeHashes

    source = written(tmp_path / "source", {**CODE, "model.bin": POINTER, "data/x.npy": POINTER})
    trees = TreeHashes(tmp_path / "trees") if with_trees else None
    for _ in range(2):  # nor does the cache take it for one
        with pytest.raises(SnapshotError) as refused:
            take(source, cache=cache, trees=trees)
        assert [problem.split(" is ")[0] for problem in refused.value.problems] == ["data/x.npy", "model.bin"]
        assert all("git lfs pull" in problem for problem in refused.value.problems)


def test_a_text_about_pointers_is_an_ordinary_file(tmp_path: Path, cache: StatCache) -> None:
    source = written(tmp_path / "source", {"a.md": f"A pointer begins so:\n{POINTER}", "b.txt": POINTER + "x" * 1024})
    assert sorted(take(source, cache=cache).files) == ["a.md", "b.txt"]
