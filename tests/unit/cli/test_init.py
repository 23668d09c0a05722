"""`trainup init`: what it sees in a folder with training code, what it writes there, and where it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from trainup.cli.__main__ import main
from trainup.cli.starting import files, packages, scripts
from trainup.core.naming import check_run_name
from trainup.infra.schema import schema

WITH_MAIN = 'import torch\n\nif __name__ == "__main__":\n    print("trained")\n'
WITHOUT_MAIN = "from sklearn.datasets import load_iris\nprint(load_iris())\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "Iris Models (2)"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return folder


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def stack(folder: Path, name: str = "local") -> dict[str, object]:
    return dict(yaml.safe_load((folder / f"Pulumi.{name}.yaml").read_text())["config"])


def test_a_script_with_requirements_becomes_a_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, train_py=WITH_MAIN, requirements_txt="torch\n")
    assert main(["init", "--yes"]) == 0
    assert stack(folder) == {
        "trainup:image": {"requirements": "requirements.txt"},
        "trainup:runs": {"train": {"source": ".", "script": "train.py"}},
    }
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    assert (project["name"], project["runtime"], project["main"]) == ("Iris-Models-2", "python", "infra/")
    assert (folder / ".gitignore").read_text() == "/.trainup/\n"
    assert capsys.readouterr().out.splitlines()[-1] == "next: trainup up"


def test_the_program_that_it_writes_is_that_of_the_checkout(folder: Path) -> None:
    write(folder, train_py=WITH_MAIN)
    assert main(["init", "--yes"]) == 0
    own = Path(__file__).parents[3] / "infra" / "__main__.py"
    assert (folder / "infra" / "__main__.py").read_text() == own.read_text()


@pytest.mark.parametrize("azure", [False, True])
def test_what_it_writes_is_right_by_the_schema_of_stack_files(folder: Path, azure: bool) -> None:
    write(folder, train_py=WITH_MAIN, requirements_txt="torch\n")
    assert main(["init", "--yes", *(["--azure"] if azure else [])]) == 0
    for name in ("local", "dev") if azure else ("local",):
        jsonschema.validate(yaml.safe_load((folder / f"Pulumi.{name}.yaml").read_text()), schema())
    assert (folder / "Dockerfile").exists() == azure


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        ({"helpers_py": "def f(): pass\n", "fit_py": WITHOUT_MAIN}, "fit.py"),
        ({"a_py": WITH_MAIN, "src__train_py": WITH_MAIN}, "src/train.py"),
        ({"plot_py": WITHOUT_MAIN, "learn_py": WITH_MAIN}, "learn.py"),
        ({"tests__train_py": WITH_MAIN, "conftest_py": WITH_MAIN, "model_py": WITH_MAIN}, "model.py"),
        ({"broken_py": "def (:\n", "main_py": WITH_MAIN}, "main.py"),
    ],
)
def test_the_likeliest_script_is_taken(folder: Path, texts: dict[str, str], script: str) -> None:
    write(folder, **texts)
    assert str(scripts.find(folder)[0].path) == script


def test_a_virtual_environment_is_not_looked_into(folder: Path) -> None:
    write(folder, env__pyvenv="", env__train_py=WITH_MAIN, a_py=WITH_MAIN)
    (folder / "env" / "pyvenv").rename(folder / "env" / "pyvenv.cfg")
    assert [str(script.path) for script in scripts.find(folder)] == ["a.py"]


def test_without_declared_packages_the_imports_tell_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, fit_py="import json, helpers, cv2\n" + WITHOUT_MAIN, helpers_py="")
    assert main(["init", "--yes"]) == 0
    assert (folder / "requirements.txt").read_text() == "opencv-python-headless\nscikit-learn\n"
    assert "requirements.txt has what the script imports (cv2, sklearn)" in capsys.readouterr().out


def test_packages_of_pyproject_and_conda_files_are_taken_over(folder: Path) -> None:
    write(folder, train_py=WITH_MAIN)
    (folder / "environment.yml").write_text(
        "dependencies: [python=3.11.4, pytorch=2.8.0, conda-forge::numpy>=2, pip, {pip: [lightning==2.5]}]\n"
    )
    found = packages.find(folder, Path(), ())
    assert (found.python, found.lines) == ("3.11", ["torch==2.8.0", "numpy>=2", "lightning==2.5"])
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["torch>=2"]\n')
    assert packages.find(folder, Path(), ()).lines == ["torch>=2"]


def test_a_data_folder_is_declared_where_the_script_takes_one(folder: Path) -> None:
    write(folder, train_py=f"import argparse\nargparse.ArgumentParser().add_argument('--data-dir')\n{WITH_MAIN}")
    write(folder, data__x_txt="1")
    assert main(["init", "--yes"]) == 0
    assert stack(folder)["trainup:data"] == {"data": {"path": "data"}}
    assert stack(folder)["trainup:runs"] == {
        "train": {
            "source": ".",
            "script": "train.py",
            "arguments": ["--data-dir", "${{inputs.data}}"],
            "inputs": {"data": {"data": "data"}},
        }
    }


def test_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, train_py=WITH_MAIN)
    (folder / ".gitignore").write_text("*.pyc")
    (folder / "Pulumi.local.yaml").write_text("config: {}\n")
    assert main(["init", "--yes"]) == 0
    assert (folder / "Pulumi.local.yaml").read_text() == "config: {}\n"
    assert (folder / ".gitignore").read_text() == "*.pyc\n/.trainup/\n"
    assert "left as it is: Pulumi.local.yaml" in capsys.readouterr().out
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(["init", "--yes"]) == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_the_example_is_the_one_of_the_checkout(folder: Path) -> None:
    assert main(["init", "--example", "digits"]) == 0
    own = Path(__file__).parents[3]
    assert (folder / "training" / "train.py").read_bytes() == (own / "training" / "train.py").read_bytes()
    assert stack(folder) == yaml.safe_load((own / "Pulumi.local.yaml").read_text())["config"] | {
        "trainup:runs": {"train": {"source": "training", "script": "train.py", "arguments": ["--dataset", "digits"]}}
    }


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is told where nothing is written."""
    before = sorted(folder.rglob("*"))
    assert main(["init", "--yes", *words]) == 2
    assert sorted(folder.rglob("*")) == before
    return capsys.readouterr().err


def test_a_folder_without_a_script_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, helpers_py="def f(): pass\n")
    assert "no Python script that could train was found" in refused(folder, capsys)
    assert "helpers.py does nothing when it is run" in refused(folder, capsys, "--script", "helpers.py")
    assert "there is no script ../x.py" in refused(folder, capsys, "--script", "../x.py")


def test_requirements_that_cannot_be_read_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, train_py=WITH_MAIN)
    (folder / "requirements.txt").write_bytes(b"torch\n\xff\xfe\xff")
    assert "requirements.txt cannot be read: it is no text in UTF-8, from line 2 on" in refused(folder, capsys)
    (folder / "requirements.txt").unlink()
    (folder / "pyproject.toml").write_text("[project\n")
    assert "pyproject.toml cannot be read" in refused(folder, capsys)
    (folder / "pyproject.toml").unlink()
    (folder / "environment.yml").write_text("name: x\n")
    assert "environment.yml cannot be read: it has no list of `dependencies`" in refused(folder, capsys)


@pytest.mark.parametrize("runtime", ["nodejs", "{name: go, options: {}}", "python"])
def test_a_pulumi_project_of_another_kind_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], runtime: str
) -> None:
    write(folder, train_py=WITH_MAIN, __main___py="")
    (folder / "__main__.py").write_text("import pulumi_aws\n")
    (folder / "Pulumi.yaml").write_text(f"name: theirs\nruntime: {runtime}\n")
    assert "a Pulumi project of another kind" in refused(folder, capsys)


def test_the_home_folder_and_a_folder_in_another_project_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, train_py=WITH_MAIN)
    monkeypatch.setenv("HOME", str(folder))
    assert "is the home folder" in refused(folder, capsys)
    monkeypatch.setenv("HOME", "/nowhere")
    (folder.parent / "Pulumi.yaml").write_text("name: above\n")
    assert "is a Pulumi project already, and this folder lies in it" in refused(folder, capsys)


def test_help_needs_none_of_what_the_commands_need() -> None:
    script = "import sys\nfrom trainup.cli.__main__ import main\nmain(['--help'])\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert not [name for name in ("grpc", "pulumi", "yaml", "pydantic", "trainup.jobs") if f"'{name}'" in loaded]


@given(st.text(min_size=1, max_size=120))
def test_any_folder_and_any_script_get_names_that_pulumi_and_trainup_take(text: str) -> None:
    name = files.project_name(Path("/") / text.replace("/", "-").replace("\0", "-"))
    assert 1 <= len(name) <= 100
    assert all(character.isalnum() or character in "-_." for character in name)
    script = scripts.Script(Path(text.replace("/", "-").replace("\0", "-") + ".py"), True, frozenset())
    assert check_run_name(files.run_name(script)) is None


@example("no")
@example("False")
@example(".inf")
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_file_name_is_a_text_in_the_stack_file(name: str) -> None:
    script = scripts.Script(Path(name.replace("/", "-")) / "train.py", True, frozenset())
    plan = files.plan(Path("/x"), script, packages.Packages(None), None, azure=False)
    config = yaml.safe_load(plan.files["Pulumi.local.yaml"])["config"]
    assert config["trainup:runs"]["train"]["source"] == script.path.parent.as_posix(), json.dumps(name)


def test_a_project_without_a_program_is_told_which_line_it_needs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, train_py=WITH_MAIN)
    (folder / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n")
    assert "give it the line `main: infra/`" in refused(folder, capsys)
    assert not (folder / "infra").exists()
    (folder / "Pulumi.yaml").write_text("name: theirs\nruntime: python\nmain: infra/\n")
    assert main(["init", "--yes"]) == 0
    assert "left as it is: Pulumi.yaml" in capsys.readouterr().out
