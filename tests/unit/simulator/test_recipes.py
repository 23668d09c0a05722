"""What of a Dockerfile makes a job's environment."""

from pathlib import Path

import pytest

from trainup.simulator.cloud.dockerfile import DockerfileError
from trainup.simulator.machines.recipe import Recipe, add_conda, read, stage

REPOSITORY = Path(__file__).parents[3]


def test_the_repositorys_own_image_is_its_locked_requirements_on_its_python(tmp_path: Path) -> None:
    recipe = read((REPOSITORY / "training" / "Dockerfile").read_text())
    assert recipe.python == "3.11"
    assert recipe.copies == [("requirements.txt", "/tmp/requirements.txt")]
    assert recipe.installs == [["--require-hashes", "--requirement", "/tmp/requirements.txt"]]
    stage(recipe, REPOSITORY / "training", tmp_path)
    assert (tmp_path / "tmp" / "requirements.txt").read_bytes() == (
        REPOSITORY / "training" / "requirements.txt"
    ).read_bytes()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("RUN pip install torch fastai==2.8", [["torch", "fastai==2.8"]]),
        ("RUN apt-get update && python3 -m pip install --no-cache-dir x && rm -rf /tmp/*", [["x"]]),
        ("RUN uv pip install 'x>=1' ; /opt/env/bin/pip install y", [["x>=1"], ["y"]]),
        ("WORKDIR /src\nRUN pip install -e . -r requirements.txt", [["/src", "-r", "/src/requirements.txt"]]),
        ("RUN pip install --requirement=reqs.txt", [["--requirement=/reqs.txt"]]),
        ("ARG V=1\nENV W=2\nRUN pip install x==$V y==${W} z==${U:-3}", [["x==1", "y==2", "z==3"]]),
        ("RUN pip install \\\n    x \\\n    # a remark\n    y", [["x", "y"]]),
        ("RUN echo pip && apt-get install pip", []),
    ],
)
def test_every_way_to_install_with_pip_is_seen(line: str, found: list[list[str]]) -> None:
    assert read(f"FROM python:3.12-slim\n{line}\n").installs == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "file with no instructions"),
        ("ARG A\n", "no build stage in current context"),
        ("# a comment\n\nFROM x\n# another\nCOPPY a b\n", "dockerfile parse error line 5: unknown instruction: COPPY"),
    ],
)
def test_what_docker_cannot_parse_is_refused_in_its_words(text: str, says: str) -> None:
    with pytest.raises(DockerfileError, match=f"^{says}$"):
        read(text)


def test_only_the_last_stage_counts() -> None:
    recipe = read("FROM python:3.10 AS build\nRUN pip install a\nFROM python:3.12\nCOPY --from=build /x /x\n")
    assert recipe == Recipe(python="3.12")


def test_an_argument_wins_over_its_default() -> None:
    assert read("FROM x\nARG V=1\nRUN pip install a==$V\n", {"V": "2"}).installs == [["a==2"]]


@pytest.mark.parametrize(
    ("copy", "place"),
    [
        ("COPY a.txt /x/b.txt", "x/b.txt"),
        ("COPY a.txt /x/", "x/a.txt"),
        ("COPY a.txt c.txt /x", "x/a.txt"),
        ("WORKDIR /w\nCOPY . .", "w/a.txt"),
        ("COPY *.txt /x/", "x/a.txt"),
        ('COPY ["a.txt", "/x/"]', "x/a.txt"),
    ],
)
def test_files_are_copied_to_where_docker_would_put_them(tmp_path: Path, copy: str, place: str) -> None:
    context, root = tmp_path / "context", tmp_path / "root"
    context.mkdir()
    for name in ("a.txt", "c.txt"):
        (context / name).write_text(name)
    stage(read(f"FROM x\n{copy}\n"), context, root)
    assert (root / place).read_text() == "a.txt"


def test_a_file_that_is_not_in_the_context_is_missed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        stage(read("FROM x\nCOPY nowhere.txt /\n"), tmp_path, tmp_path / "root")


def test_a_conda_file_gives_its_python_and_what_pip_installs() -> None:
    recipe = Recipe()
    add_conda(recipe, "dependencies:\n- python=3.11\n- numpy\n- pip\n- pip:\n  - a==1\n  - b\n")
    assert recipe == Recipe(python="3.11", installs=[["a==1", "b"]])
