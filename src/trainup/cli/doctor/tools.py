"""The programs that trainup starts."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator

from trainup.cli.doctor.finding import Finding, Patient, error, ok, warning
from trainup.toolchain import pulumi_cli, uv, versions

PYTHON = (3, 11)
DOCKER_SECONDS = 10


def python(patient: Patient) -> Iterator[Finding]:
    """The interpreter of trainup, and the one that runs get on this machine."""
    here = platform.python_version()
    if sys.version_info < PYTHON:
        yield error("Python", f"{here}, and trainup takes 3.11 or newer", "uv tool install --python 3.11 trainup")
    else:
        yield ok("Python", f"{here} ({sys.executable})")
    wanted = patient.settings.image.python if patient.is_local and patient.settings else None
    program = uv.find()
    if wanted and program:
        words = [program, "python", "find", "--no-python-downloads", wanted]
        found = subprocess.run(words, capture_output=True, text=True, check=False)
        tried = f"Python {wanted} of trainup:image.python"
        if found.returncode:
            yield warning(tried, "not on this machine: `up` will download it", f"uv python install {wanted}")
        else:
            yield ok(tried, found.stdout.strip())


def package_installer(patient: Patient) -> Iterator[Finding]:
    """uv, which installs the packages of runs and of trainup."""
    least = versions.text_of(versions.UV)
    if path := uv.find():
        yield ok("uv", f"{versions.text_of(versions.version_of(path, '--version') or ())} ({path})")
    else:
        yield ok("uv", f"none of {least} or newer: the first command downloads one")


def pulumi(patient: Patient) -> Iterator[Finding]:
    """The Pulumi CLI."""
    if cli := pulumi_cli.find():
        yield ok("Pulumi CLI", f"{versions.text_of(cli.version)} ({cli.path})")
    else:
        yield ok("Pulumi CLI", "none that can be used: the first command builds one, in about three minutes")


def git(patient: Patient) -> Iterator[Finding]:
    """git, where the project is in a repository."""
    is_repository = any((folder / ".git").exists() for folder in (patient.root, *patient.root.parents))
    if path := shutil.which("git"):
        yield ok("git", path)
    elif is_repository:
        yield warning("git", "not on PATH, so records of runs have no commit", "install git")
    else:
        yield ok("git", "not on PATH, and the project is in no repository")


def docker(patient: Patient) -> Iterator[Finding]:
    """Docker, where it builds the image."""
    path = shutil.which("docker")
    way_out = "start Docker and log in, or set `trainup:image: {builder: acr}`, which builds in Azure"
    if not path:
        yield error("docker", "not on PATH, and trainup:image.builder is docker", f"install Docker; or {way_out}")
        return
    try:
        words = [path, "version", "--format", "{{.Server.Version}}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=DOCKER_SECONDS)
    except subprocess.TimeoutExpired:
        yield error("docker", f"its daemon does not answer within {DOCKER_SECONDS} s", way_out)
        return
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        yield error("docker", f"its daemon cannot be reached: {said}", way_out)
    else:
        yield ok("docker", done.stdout.strip())
