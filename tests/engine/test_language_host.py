"""Programs under the language host the toolchain brings, and under the official one where it is on this machine."""

import json
import os

import pytest

from tests.support import languages
from tests.support.project import REPOSITORY, Project

pytestmark = pytest.mark.engine


@pytest.fixture(params=["ours", "official"])
def program(project: Project, environment: dict[str, str], request: pytest.FixtureRequest) -> Project:
    """A project with an empty program, under one of the hosts."""
    if request.param == "official":
        folder = languages.python_host()
        if folder is None:
            pytest.skip("no distribution of Pulumi with its own language host is on this machine")
        project.environment["PATH"] = f"{folder}{os.pathsep}{project.environment['PATH']}"
    elif not (REPOSITORY / ".toolchain" / "bin" / "pulumi").exists():
        pytest.skip("the official distribution is installed and brings its own language host")
    write(project, "")
    project.configure()
    return project


def write(project: Project, text: str) -> None:
    for file in (project.folder / "infra").glob("*"):
        if file.is_file():
            file.unlink()
    (project.folder / "infra" / "__main__.py").write_text(text)


def test_a_program_finds_the_surroundings_of_the_official_host(program: Project) -> None:
    write(
        program,
        """\
import json, os, sys, pulumi
facts = [os.getcwd(), sys.path[0], sys.argv, __name__, __file__, __package__, pulumi.get_root_directory()]
facts += [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), pulumi.runtime.is_dry_run()]
open("facts.json", "w").write(json.dumps(facts))
""",
    )
    assert program.preview().code == 0
    folder = program.folder / "infra"
    facts = json.loads((folder / "facts.json").read_text())
    assert facts[:4] == [str(folder), ".", ["."], "__main__"]
    assert facts[4:7] == [str(folder / "__main__.py"), "", str(program.folder)]
    assert facts[7:] == ["trainup", "test", "organization", True]


def test_config_arrives_and_secrets_stay_secret(program: Project) -> None:
    program.pulumi("config", "set", "plain", "seen")
    program.pulumi("config", "set", "--secret", "hidden", "planted-value")
    write(
        program,
        """\
import pulumi
config = pulumi.Config()
pulumi.export("plain", config.require("plain"))
pulumi.export("hidden", config.require_secret("hidden"))
pulumi.export("length", len(config.require("hidden")))
""",
    )
    result = program.up()
    assert result.code == 0, result.text
    assert "planted-value" not in result.text
    assert json.loads(program.pulumi("stack", "output", "--json"))["plain"] == "seen"
    assert json.loads(program.pulumi("stack", "output", "--json"))["length"] == len("planted-value")
    assert "planted-value" not in program.pulumi("stack", "export")


def test_an_exception_is_told_with_the_users_frames_alone(program: Project) -> None:
    write(program, "def deep():\n    raise KeyError('nobody')\n\ndeep()\n")
    result = program.preview()
    assert result.code != 0
    assert "Program failed with an unhandled exception:" in result.text
    assert "KeyError: 'nobody'" in result.text
    assert "in deep" in result.text
    assert "runpy" not in result.text
    assert "site-packages" not in result.text


def test_a_run_error_is_its_message_alone(program: Project) -> None:
    write(program, "import pulumi\nraise pulumi.RunError('the size is missing')\n")
    result = program.preview()
    assert result.code != 0
    assert "error: the size is missing" in result.text
    assert "program exited with non-zero exit code: 1" in result.text
    assert "Traceback" not in result.text


def test_missing_config_is_told_without_a_traceback(program: Project) -> None:
    write(program, "import pulumi\npulumi.Config().require('size')\n")
    result = program.preview()
    assert result.code != 0
    assert "trainup:size" in result.text
    assert "Traceback" not in result.text


def test_the_exit_code_of_the_program_is_told(program: Project) -> None:
    write(program, "import sys\nsys.exit(3)\n")
    result = program.preview()
    assert result.code != 0
    assert "program exited with non-zero exit code: 3" in result.text


def test_what_a_program_prints_is_shown(program: Project) -> None:
    write(program, "import sys\nprint('to standard output')\nprint('to standard error', file=sys.stderr)\n")
    result = program.preview()
    assert result.code == 0
    assert "to standard output" in result.text
    assert "to standard error" in result.text


BLOCKED = "import trainup.components\nprint('program waits', flush=True)\nopen('../gate').read()\n"
"""A program with components, in which nothing goes on."""


def test_ctrl_c_ends_a_program_without_a_traceback(program: Project) -> None:
    os.mkfifo(program.folder / "gate")
    write(program, BLOCKED)
    running = program.start("preview")
    running.wait_for("program waits")
    running.interrupt()
    result = running.finish()
    assert result.code != 0
    assert "Traceback" not in result.text
    assert program.left_running() == []


def test_a_program_dies_with_a_killed_cli(program: Project) -> None:
    os.mkfifo(program.folder / "gate")
    write(program, BLOCKED)
    running = program.start("preview")
    running.wait_for("program waits")
    running.kill()
    running.finish()  # its output ends only when nobody holds it any more
    assert program.left_running() == []


def test_a_policy_pack_is_run_by_the_sdk(program: Project) -> None:
    pack = program.folder / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
    (pack / "__main__.py").write_text("import sys\nprint('pack', sys.argv[-1], file=sys.stderr)\n")
    result = program.preview("--policy-pack", str(pack))
    assert f"pack {pack}" in result.text
    assert result.code != 0, "this pack serves nothing"
