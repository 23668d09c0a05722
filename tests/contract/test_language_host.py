"""What the language host answers an engine, point by point as the official one does."""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from psutil import Process
from pulumi.runtime.proto import language_pb2

from tests.support import processes
from tests.support.language import HOST, Host, host
from tests.support.project import REPOSITORY, ROOMS

# Every test starts Python a few times.
pytestmark = pytest.mark.slow

LAUNCHER = ROOMS / "toolchain" / "pulumi-language-python"
WAITS = """\
import sys, threading
try:
    print("waits", flush=True)
    threading.Event().wait()
finally:
    print("cleaned up", flush=True)
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Host]:
    with host(tmp_path) as started:
        yield started


def facts(running: Host, expressions: str, **fields: Any) -> Any:
    """Values a program sees, as it writes them."""
    text = f"import json, os, sys, pulumi\nopen('facts.json', 'w').write(json.dumps([{expressions}]))\n"
    answer = running.run(text, **fields)
    assert answer == language_pb2.RunResponse(), (answer, running.errors)
    return json.loads((running.program / "facts.json").read_text())


# What is asked about the host itself


def test_the_first_calls_of_an_engine_are_answered(running: Host) -> None:
    assert running.stub.Handshake(language_pb2.LanguageHandshakeRequest()) == language_pb2.LanguageHandshakeResponse()
    assert running.stub.GetPluginInfo(empty_pb2.Empty()).version == version("pulumi")


def test_no_plugin_or_package_is_required(running: Host) -> None:
    packages = running.stub.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=running.info()))
    plugins = running.stub.GetRequiredPlugins(language_pb2.GetRequiredPluginsRequest(info=running.info()))
    assert not packages.packages
    assert not plugins.plugins


def test_the_host_tells_its_python_and_what_is_installed(running: Host) -> None:
    about = running.stub.About(language_pb2.AboutRequest(info=running.info()))
    assert (about.executable, about.version) == (sys.executable, platform.python_version())
    found = running.stub.GetProgramDependencies(language_pb2.GetProgramDependenciesRequest(info=running.info()))
    assert version("pulumi") in {item.version for item in found.dependencies if item.name == "pulumi"}


def test_installing_names_the_command_that_installs(running: Host) -> None:
    answers = list(running.stub.InstallDependencies(language_pb2.InstallDependenciesRequest(info=running.info())))
    assert b"make setup" in b"".join(item.stderr for item in answers)


@pytest.mark.parametrize("call", ["GenerateProgram", "GenerateProject", "GeneratePackage", "Pack", "Link"])
def test_what_concerns_code_generation_is_unimplemented(running: Host, call: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        getattr(running.stub, call)(getattr(language_pb2, f"{call}Request")())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_start_by_hand_is_refused_without_a_traceback() -> None:
    done = subprocess.run([*HOST, "-root=."], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "address of the engine is missing" in done.stderr
    assert "Traceback" not in done.stderr


# What a program finds


def test_a_program_finds_the_folder_names_and_path_of_the_official_host(running: Host) -> None:
    seen = facts(running, "os.getcwd(), sys.path[0], sys.argv, __name__, __file__, __package__, sys.executable")
    folder = str(running.program)
    assert seen == [folder, ".", ["."], "__main__", f"{folder}/__main__.py", "", sys.executable]


def test_a_program_cannot_import_the_hosts_own_files(running: Host) -> None:
    assert facts(running, "__import__('importlib.util').util.find_spec('program') is None") == [True]


def test_a_program_knows_its_project_stack_organization_and_root(running: Host) -> None:
    names = "pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), pulumi.get_root_directory()"
    assert facts(running, names) == ["tiny", "test", "us", str(running.folder)]


@pytest.mark.parametrize("preview", [True, False])
def test_a_program_knows_whether_it_is_previewed(running: Host, preview: bool) -> None:
    assert facts(running, "pulumi.runtime.is_dry_run()", dryRun=preview) == [preview]


def test_config_arrives_in_the_sdk_and_in_the_environment(running: Host) -> None:
    config = {"tiny:size": "3", "tiny:key": "planted"}
    read = "pulumi.Config().require('size'), pulumi.runtime.is_config_secret('tiny:key'), sys.orig_argv"
    names = "json.loads(os.environ['PULUMI_CONFIG']), json.loads(os.environ['PULUMI_CONFIG_SECRET_KEYS'])"
    seen = facts(running, f"{read}, {names}", config=config, configSecretKeys=["tiny:key"])
    assert seen[:2] == ["3", True]
    assert "planted" not in str(seen[2])
    assert seen[3:] == [config, ["tiny:key"]]


def test_config_longer_than_an_environment_variable_may_be_arrives(running: Host) -> None:
    assert facts(running, "len(pulumi.Config().require('long'))", config={"tiny:long": "x" * 500_000}) == [500_000]


def test_each_program_has_a_process_of_its_own(running: Host) -> None:
    first, second = facts(running, "os.getpid()"), facts(running, "os.getpid()")
    assert first != second
    assert running.process.pid not in first + second


def test_the_interpreter_of_the_virtualenv_option_is_used(running: Host) -> None:
    folder = running.folder / "some env" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text(f'#!/bin/sh\nMARK=chosen exec "{sys.executable}" "$@"\n')
    (folder / "python").chmod(0o755)
    assert facts(running, "os.environ['MARK']", info=running.info(virtualenv="some env")) == ["chosen"]


def test_an_interpreter_that_is_missing_is_named(running: Host) -> None:
    assert "nowhere/bin/python" in running.run("", info=running.info(virtualenv="nowhere")).error


def test_as_many_resources_are_registered_at_once_as_the_engine_works_on(running: Host) -> None:
    running.monitor.together = threading.Barrier(40)  # breaks unless all are there at the same time
    text = "import pulumi\nfor i in range(40):\n    pulumi.CustomResource('a:b:C', f'r{i}', {})\n"
    assert running.run(text, parallel=10) == language_pb2.RunResponse()
    assert set(running.monitor.registered) >= {f"r{i}" for i in range(40)}


# How a program ends


def test_an_exit_code_is_told(running: Host) -> None:
    answer = running.run("import sys\nsys.exit(3)\n")
    assert (answer.error, answer.bail) == ("program exited with non-zero exit code: 3", False)


def test_an_exit_with_zero_is_a_success(running: Host) -> None:
    assert running.run("import sys\nsys.exit(0)\n") == language_pb2.RunResponse()


def test_an_exit_with_a_text_prints_it(running: Host) -> None:
    assert running.run("import sys\nsys.exit('not like this')\n").error.endswith("code: 1")
    running.wait_for("not like this")


def test_a_signal_that_ended_the_program_is_named(running: Host) -> None:
    answer = running.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert answer.error == "program was ended by SIGKILL"


def test_an_exception_is_logged_with_the_users_frames_alone(running: Host) -> None:
    answer = running.run("def deep():\n    raise KeyError('nobody')\n\ndeep()\n")
    assert (answer.error, answer.bail) == ("", True)
    (text,) = running.errors
    assert text.startswith("Program failed with an unhandled exception:\nTraceback")
    assert "in deep" in text
    assert "KeyError: 'nobody'" in text
    assert text.count("File ") == 2
    assert str(REPOSITORY) not in text


def test_the_users_frames_are_known_behind_a_link_as_well(running: Host, tmp_path: Path) -> None:
    running.program.mkdir()
    (tmp_path / "linked").symlink_to(running.folder)
    info = running.info()
    info.root_directory, info.program_directory = str(tmp_path / "linked"), str(tmp_path / "linked" / "infra")
    (running.program / "other.py").write_text("def fail(value):\n    raise ValueError('no')\n")
    assert running.run("import pulumi, other\npulumi.Output.from_input(1).apply(other.fail)\n", info=info).bail
    (text,) = running.errors
    assert text.count("File ") == 1
    assert "in fail" in text


def test_an_exception_after_the_program_text_is_logged_with_the_users_frames_alone(running: Host) -> None:
    running.program.mkdir()
    (running.program / "other.py").write_text("def fail(value):\n    raise ValueError('no')\n")
    assert running.run("import pulumi, other\npulumi.Output.from_input(1).apply(other.fail)\n").bail
    (text,) = running.errors
    assert text.count("File ") == 1
    assert "in fail" in text


def test_a_program_that_cannot_be_read_is_told_by_its_line_alone(running: Host) -> None:
    assert running.run("import pulumi\ndef (:\n").bail
    (text,) = running.errors
    assert text.count("File ") == 1
    assert f'"{running.program}/__main__.py", line 2' in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import pulumi\nraise pulumi.RunError('the size is missing')\n", "the size is missing"),
        ("import pulumi\npulumi.Config().require('size')\n", "Missing required configuration variable 'tiny:size'"),
    ],
)
def test_a_run_error_is_its_message_alone(running: Host, text: str, told: str) -> None:
    assert running.run(text).error == "program exited with non-zero exit code: 1"
    (error,) = running.errors
    assert error.startswith(told)
    assert "Traceback" not in error


def test_a_folder_without_a_program_is_told(running: Host) -> None:
    assert running.run(None).bail
    assert running.errors == [f"unable to find main python program `__main__.py` in `{running.program}`"]


def test_a_monitor_that_has_shut_down_is_no_error_of_the_program(running: Host) -> None:
    text = "import pulumi.runtime.settings as s\nfrom pulumi.runtime.proto import resource_pb2 as r\n"
    assert running.run(f"{text}s.get_monitor().Call(r.ResourceCallRequest())\n") == language_pb2.RunResponse()
    assert running.errors == []


@pytest.mark.parametrize("end", ["", "sys.exit(4)", "raise ValueError('no')"])
def test_exit_handlers_run_and_files_are_complete_however_a_program_ends(running: Host, end: str) -> None:
    running.run(f"import atexit, sys\natexit.register(lambda: open('left', 'w').write('all of it'))\n{end}\n")
    assert (running.program / "left").read_text() == "all of it"


def test_a_program_that_came_to_its_end_waits_for_its_threads(running: Host) -> None:
    os.mkfifo(running.folder / "gate")
    text = "import threading\ndef late():\n    open('../gate').read()\n    open('late', 'w').close()\n"
    answer = running.start(f"{text}threading.Thread(target=late).start()\nprint('at its end', flush=True)\n")
    running.wait_for("at its end")
    (running.folder / "gate").write_text("")
    assert answer.result() == language_pb2.RunResponse()
    assert (running.program / "late").exists()


def test_all_that_a_program_prints_arrives_in_order(running: Host) -> None:
    text = "import sys\nfor i in range(20_000):\n    print(i, file=(sys.stdout, sys.stderr)[i % 2])\n"
    running.run(text)
    running.close_stdin()
    assert running.finish().split() == [str(number) for number in range(20_000)]


# How the host ends


def test_an_interrupt_ends_host_and_program_quietly_and_lets_it_clean_up(running: Host) -> None:
    running.start(WAITS)
    running.wait_for("waits")
    running.interrupt()
    assert running.finish() == "waits\ncleaned up\n"
    assert running.process.returncode == 0


INTERRUPTED_AT = """\
import builtins, os, runpy, signal, sys
import_ = builtins.__import__
def imported(name, *rest, **more):
    if name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGINT)
    return import_(name, *rest, **more)
builtins.__import__ = imported
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize("module", ["grpc", "pulumi.runtime.proto"])
@pytest.mark.parametrize(("file", "code"), [("program.py", 130), ("__main__.py", 0)])
def test_an_interrupt_is_quiet_while_host_and_program_still_start(file: str, code: int, module: str) -> None:
    words = [sys.executable, "-P", "-c", INTERRUPTED_AT, ROOMS / "toolchain" / "language" / file, module]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_an_idle_host_ends_quietly_on_an_interrupt(running: Host) -> None:
    running.interrupt()
    assert running.finish() == ""
    assert running.process.returncode == 0


def test_an_interrupt_is_quiet_while_a_program_ends(running: Host) -> None:
    """The engine interrupts all at its end, and a program may just be ending by itself."""
    text = """\
import signal, sys
def at_the_end(frame, event, value):
    if (event, frame.f_code.co_name) == ("call", "_end"):
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)
sys.setprofile(at_the_end)
"""
    assert running.run(text).error == "program exited with non-zero exit code: 130"
    running.interrupt()
    assert running.finish() == ""


def test_an_interrupt_ends_the_host_whichever_thread_gets_it(running: Host) -> None:
    assert running.stub.GetPluginInfo(empty_pb2.Empty()).version  # its main thread waits for the end
    processes.interrupt_beside(Process(running.process.pid))
    assert running.process.wait(3) == 0, "the engine kills after five seconds"


def test_a_cancelled_program_is_interrupted_and_the_host_goes_on(running: Host) -> None:
    answer = running.start(WAITS)
    running.wait_for("waits")
    running.stub.Cancel(empty_pb2.Empty())
    assert answer.result().error == "program exited with non-zero exit code: 130"
    assert running.run("") == language_pb2.RunResponse()


def test_host_and_program_end_with_the_cli(running: Host) -> None:
    running.start(WAITS)
    running.wait_for("waits")
    running.close_stdin()
    assert running.finish().startswith("waits\n")


# Plugins


def test_a_plugin_runs_in_its_folder_with_its_arguments_environment_and_exit_code(running: Host) -> None:
    text = """\
import os, sys
print("out", sys.argv[1:], os.getcwd(), os.environ["MARK"])
print("err", file=sys.stderr)
sys.exit(7)
"""
    answers = list(running.plugin(text, env=["MARK=a=b", f"PATH={os.environ['PATH']}"]))
    assert b"".join(item.stdout for item in answers).decode() == f"out ['127.0.0.1:9'] {running.folder} a=b\n"
    assert b"".join(item.stderr for item in answers) == b"err\n"
    assert answers[-1].exitcode == 7
    assert [item.WhichOneof("output") for item in answers].count("exitcode") == 1


def test_what_a_plugin_prints_arrives_while_it_runs_and_the_end_of_the_stream_ends_it(running: Host) -> None:
    os.mkfifo(running.folder / "alive")
    text = "import sys, threading\nheld = open('alive', 'w')\nsys.stdout.write('1234')\nthreading.Event().wait()\n"
    answers = running.plugin(text)
    with open(running.folder / "alive") as alive:
        assert next(answers).stdout == b"1234"
        answers.cancel()
        assert alive.read() == ""  # returns only when the plugin is gone


def test_much_output_of_a_plugin_is_complete(running: Host) -> None:
    answers = list(running.plugin("import sys\nfor i in range(50_000):\n    print(i)\n"))
    assert b"".join(item.stdout for item in answers).split() == [str(i).encode() for i in range(50_000)]
    assert answers[-1].exitcode == 0


def test_a_policy_pack_is_run_by_the_sdk(running: Host) -> None:
    text = "import sys\nprint('pulumi.policy' in sys.modules or sys.orig_argv[2:4], sys.argv[-1])\n"
    answers = list(running.plugin(text, kind="analyzer"))
    told = b"".join(item.stdout for item in answers).decode()
    assert told in (f"True {running.folder}\n", f"['-m', 'pulumi.policy'] {running.folder}\n")


def test_a_plugin_whose_interpreter_is_missing_is_a_failed_precondition(running: Host) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(running.plugin("", info=running.info(virtualenv="nowhere")))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "nowhere/bin/python" in str(caught.value.details())


# The launcher


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository whose path has a space, with the launcher where the toolchain puts it."""
    folder = tmp_path / "my checkout"
    shutil.copytree(ROOMS / "toolchain" / "language", folder / "src" / "trainup" / "toolchain" / "language")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / ".toolchain" / "bin").mkdir(parents=True)
    shutil.copy(LAUNCHER, folder / ".toolchain" / "bin")
    return folder


@pytest.mark.parametrize("linked", [False, True])
def test_the_launcher_starts_the_host_on_the_repositorys_python(checkout: Path, linked: bool) -> None:
    launcher = checkout / ".toolchain" / "bin" / LAUNCHER.name
    if linked:
        (checkout.parent / "elsewhere").symlink_to(launcher)
        launcher = checkout.parent / "elsewhere"
    with host(checkout, [str(launcher)]) as started:
        assert facts(started, "sys.executable") == [str(checkout / ".venv" / "bin" / "python")]


def test_the_launcher_tells_what_to_do_without_an_environment(checkout: Path) -> None:
    (checkout / ".venv").unlink()
    done = subprocess.run([checkout / ".toolchain" / "bin" / LAUNCHER.name, "1"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "make setup" in done.stderr


def outside(folder: Path, python: str | None) -> "subprocess.CompletedProcess[str]":
    """The launcher beside a CLI that an installed trainup has built, with this Python first on PATH."""
    shutil.copy(LAUNCHER, folder)
    (folder / "path").mkdir()
    for tool in ("sh", "readlink"):
        (folder / "path" / tool).symlink_to(str(shutil.which(tool)))
    if python:
        (folder / "path" / "python3").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
        (folder / "path" / "python3").chmod(0o755)
    return subprocess.run(
        [folder / LAUNCHER.name, "1"],
        env={"PATH": str(folder / "path")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_the_launcher_outside_of_a_checkout_takes_the_python_on_path(tmp_path: Path) -> None:
    done = outside(tmp_path, sys.executable)
    assert (done.returncode, done.stdout.strip().isdecimal()) == (0, True), done.stderr


def test_the_launcher_tells_what_to_do_without_a_python_that_has_trainup(tmp_path: Path) -> None:
    bare = outside(tmp_path, "/usr/bin/env -i " + str(Path(sys.base_prefix, "bin", "python3")))
    assert bare.returncode == 1
    assert "has no trainup, which runs the program: use `trainup up`" in bare.stderr


def test_the_launcher_tells_what_to_do_without_any_python(tmp_path: Path) -> None:
    done = outside(tmp_path, None)
    assert done.returncode == 1
    assert "there is no Python on PATH that could run the program: use `trainup up`" in done.stderr


def test_a_host_that_is_terminated_takes_its_program_along(running: Host) -> None:
    running.start(WAITS)
    running.wait_for("waits")
    os.killpg(running.process.pid, signal.SIGTERM)
    assert running.finish() == "waits\n"
