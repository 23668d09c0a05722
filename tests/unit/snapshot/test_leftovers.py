"""What is never a part of a source, so that a change of policy or a try of the script by hand trains nothing again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainup.jobs.snapshot import StatCache, take

Write = Callable[..., None]


def digest(folder: Path) -> str:
    return take(folder, cache=StatCache(folder.parent / "cache")).digest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name in ("train.py", "lib/model.py", "conf/train.yaml", "outputs.txt"):
        put(folder, name)
    return folder


def put(folder: Path, name: str, text: str = "x") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


@pytest.mark.parametrize(
    "name",
    [
        "Pulumi.yaml",
        "Pulumi.local.yaml",
        "Pulumi.dev.yml",
        "config/Pulumi.prod.yaml",
        "state/.pulumi/stacks/trainup/local.json",
        ".pulumi/meta.yaml",
        "outputs/model.pkl",
        "mlruns/0/meta.yaml",
        "lib/mlruns/0/meta.yaml",
        "mlflow.db",
        "mlflow.db-wal",
        "mlartifacts/1/a/artifacts/model.pkl",
        "wandb/run-1/files/code/train.py",
        "lightning_logs/version_0/hparams.yaml",
        "node_modules/a/index.js",
        ".cache/pip/x",
        ".dvc/cache/files/ab",
        ".coverage",
        ".coverage.host.1",
        ".idea/workspace.xml",
        ".vscode/settings.json",
        "__pycache__/train.cpython-311.pyc",
        "train.pyc",
        "target/CACHEDIR.TAG",
        "lib/.ipynb_checkpoints/model.py",
    ],
)
def test_what_is_left_by_tools_is_no_part_of_a_source(source: Path, name: str) -> None:
    before = digest(source)
    put(source, name)
    assert digest(source) == before


@pytest.mark.parametrize(
    "name",
    [
        "conf/Pulumi.txt",
        "Pulumi_train.yaml",
        "lib/outputs/table.csv",
        "outputs_of/x",
        "wandb/logger.py",
        "mlruns/__init__.py",
        "compiled_only.pyc",
        ".dvc/config",
        "cache/table.csv",
        ".coveragerc",
        "my-mlflow.db",
    ],
)
def test_what_a_script_may_need_stays(source: Path, name: str) -> None:
    before = digest(source)
    put(source, name)
    assert digest(source) != before


def test_a_folder_left_by_tools_comes_back_when_an_ignore_file_names_it(source: Path) -> None:
    put(source, ".cache/tokenizer.json")
    put(source, ".gitignore", "*.bin\n!.cache/\n")
    assert ".cache/tokenizer.json" in take(source, cache=StatCache(source.parent / "c")).files
    put(source, ".gitignore", "*.bin\n!*/\n")
    assert ".cache/tokenizer.json" not in take(source, cache=StatCache(source.parent / "c")).files


def test_a_link_to_what_was_left_in_outputs_is_followed_and_a_linked_outputs_folder_is_not(source: Path) -> None:
    put(source.parent, "results/model.pkl")
    (source / "outputs").symlink_to(source.parent / "results")
    assert [path for path in take(source, cache=StatCache(source.parent / "c")).files if "model" in path] == [
        "lib/model.py"
    ]


def test_the_digest_of_a_source_without_any_of_it_stays_what_it_was(source: Path) -> None:
    """Recorded before there were such rules: another digest would train everything again."""
    assert digest(source) == ("52bff881f31b8d2bf1891d393dc70b79d41eca3641768d25a32342cd4f81f6fd")
