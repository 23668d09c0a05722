"""`trainup init`: from a folder with training code to the first `trainup up`."""

import os
import sys
from pathlib import Path

import click

from trainup.cli.starting import files, packages, scripts
from trainup.core.errors import UserError
from trainup.core.project import PROJECT_FILES, nearest_folder
from trainup.toolchain import projects

EXAMPLES = Path(__file__).resolve().parent / "example-digits"


class CannotStart(UserError):
    """`trainup init` cannot begin in this folder; the message says why, and what to do."""


@click.command()
@click.option("--azure", is_flag=True, help="also a stack on Azure, `dev`")
@click.option("--script", metavar="FILE", help="the script that trains (default: the likeliest one)")
@click.option(
    "--example", type=click.Choice(["digits"]), help="write an example that trains, without looking for a script"
)
@click.option("--yes", "-y", is_flag=True, help="ask no questions")
def init(azure: bool, script: str | None, example: str | None, yes: bool) -> None:
    """Start in a folder with training code: write Pulumi.yaml, Pulumi.local.yaml and infra/; overwrite nothing."""
    folder = Path.cwd()
    _check_folder(folder)
    if example:
        plan = _example(folder, azure=azure)
    else:
        training_script = (
            _script_by_name(folder, script) if script else _likeliest_script(folder, ask=not yes and sys.stdin.isatty())
        )
        script_packages = packages.find(folder, training_script.path.parent, training_script.imports)
        plan = files.plan(folder, training_script, script_packages, _data_folder(folder, training_script), azure=azure)
    new_files, existing_files = files.write(folder, plan.files)
    for name in new_files:
        print(f"written: {name}")
    for name in existing_files:
        print(f"left as it is: {name}")
    for remark in plan.remarks:
        print(f"note: {remark}")
    print("next: trainup up" + (", and, once its two places are edited, trainup up --stack dev" if azure else ""))


def _check_folder(folder: Path) -> None:
    home = Path(os.path.expanduser("~"))
    if folder in (home, Path(folder.anchor)):
        what = "the home folder" if folder == home else "the top of the file system"
        raise CannotStart(f"{folder} is {what}, and a project holds its folder's files: change to the code's folder")
    if not os.access(folder, os.W_OK):
        raise CannotStart(f"{folder} cannot be written: change to a folder of yours")
    for name in PROJECT_FILES:
        if (folder / name).is_file():
            project = projects.read(folder)
            runtime = project.settings.get("runtime")
            runtime = runtime.get("name") if isinstance(runtime, dict) else runtime
            if runtime != "python" or not _is_ours(folder, project):
                raise CannotStart(
                    f"{folder / name} is there already, a Pulumi project of another kind ({runtime}): let it declare "
                    "trainup's components (README: Components), or run `trainup init` in another folder"
                )
            program = _program(folder, project)
            if not program.is_file() and program.parent != folder / "infra":
                raise CannotStart(
                    f"{folder / name} is there already, and its program {os.path.relpath(program, folder)} is not: "
                    "give it the line `main: infra/`, for `trainup init` writes infra/__main__.py"
                )
            return
    above = nearest_folder(folder)
    if above:
        raise CannotStart(
            f"{above} is a Pulumi project already, and this folder lies in it: declare the run there, in "
            "Pulumi.local.yaml, or run `trainup init` outside of it"
        )


def _is_ours(folder: Path, project: projects.Project) -> bool:
    """Whether the project's program imports trainup, or does not exist yet."""
    program = _program(folder, project)
    return not program.is_file() or "trainup" in program.read_text(encoding="utf-8", errors="replace")


def _program(folder: Path, project: projects.Project) -> Path:
    main = folder / str(project.settings.get("main") or ".")
    return main if main.suffix == ".py" else main / "__main__.py"


def _script_by_name(folder: Path, name: str) -> scripts.Script:
    path = Path(os.path.relpath((folder / name).absolute(), folder))
    if not (folder / path).is_file() or path.parts[:1] == ("..",):
        raise CannotStart(f"there is no script {name} in {folder}: name one that lies in it, relative to it")
    script = scripts.read(folder, path)
    if script is None:
        raise CannotStart(f"{name} does nothing when it is run as a script, or is no Python: name the one that trains")
    return script


def _likeliest_script(folder: Path, *, ask: bool) -> scripts.Script:
    candidates = scripts.find(folder)
    if not candidates:
        raise CannotStart(
            f"no Python script that could train was found in {folder}: name it with `--script FILE`, or begin with an "
            "example, `trainup init --example digits`"
        )
    names = [str(script.path) for script in candidates]
    if ask and len(candidates) > 1:
        for number, name in enumerate(names[:9], 1):
            print(f"{number}  {name}")
        number = click.prompt("Which one trains?", type=click.IntRange(1, min(len(names), 9)), default=1)
        return candidates[number - 1]
    if len(candidates) > 1:
        print(
            f"taken: {names[0]} (others: {', '.join(names[1:4])}{' …' if len(names) > 4 else ''}; `--script` names one)"
        )
    return candidates[0]


def _data_folder(folder: Path, script: scripts.Script) -> str | None:
    for place in dict.fromkeys((script.path.parent, Path())):
        for name in scripts.DATA_FOLDERS:
            if (folder / place / name).is_dir() and any((folder / place / name).iterdir()):
                return (place / name).as_posix()
    return None


def _example(folder: Path, *, azure: bool) -> files.Plan:
    """The files of the fastai example, which trains on scikit-learn's digits."""
    texts = {
        f"training/{path.name}": path.read_text(encoding="utf-8")
        for path in sorted(EXAMPLES.iterdir())
        if path.is_file()
    }
    script = scripts.Script(Path("training/train.py"), True, frozenset())
    plan = files.plan(folder, script, packages.Packages("training/requirements.txt"), None, azure=azure)
    stacks = {
        name: text.replace("      # arguments:", "      arguments: [--dataset, digits]\n      # arguments:")
        for name, text in plan.files.items()
    }
    return files.Plan({**texts, **{name: text for name, text in stacks.items() if name not in texts}})
