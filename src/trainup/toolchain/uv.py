"""Installs uv, and with it the Python environment of the checkout."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

from trainup.core import tools
from trainup.toolchain.paths import CHECKOUT, PYTHON, TOOLCHAIN, VENV, SetupError, say
from trainup.toolchain.versions import LOCKED, UV, locked, text_of, version_of

UV_BIN = TOOLCHAIN / "uv"
"""The folder of our own uv, where the machine has none. It holds nothing else, so that it can be put on PATH."""
PYPI = "https://pypi.org/pypi/uv/{version}/json"


def find() -> Path | None:
    """The uv of this machine, or the one that was downloaded; None where neither is new enough."""
    for candidate in (shutil.which("uv"), str(UV_BIN / "uv")):
        if candidate and (version_of(candidate, "--version") or ()) >= UV:
            return Path(candidate)
    return None


def ensure() -> Path:
    """The path of uv, downloaded from PyPI if it is missing. Raises SetupError."""
    if path := find():
        return path
    TOOLCHAIN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLCHAIN, prefix="uv.") as temporary:
        folder = Path(temporary)
        say(f"uv (at least {text_of(UV)}): not on this machine, downloading {locked('uv')[0]} from PyPI …")
        wheel = _by_pip(folder) or _by_hand(folder)
        with zipfile.ZipFile(wheel) as archive:
            member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
            (folder / "bin").mkdir()
            binary = folder / "bin" / "uv"
            binary.write_bytes(archive.read(member))
        binary.chmod(0o755)
        if version_of(binary, "--version") is None:
            raise SetupError(
                f"the uv of {wheel.name} does not run on this machine ({platform.platform()}): "
                "install uv yourself (https://docs.astral.sh/uv/) and repeat the command"
            )
        shutil.rmtree(UV_BIN, ignore_errors=True)
        (folder / "bin").rename(UV_BIN)
    return UV_BIN / "uv"


def _by_pip(folder: Path) -> Path | None:
    """Download the wheel with pip, which knows the user's index and certificates; None where that fails."""
    command = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "--requirement", str(LOCKED / "uv.txt"), "--dest", str(folder)]
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=tools.variables(os.environ))
    return next(folder.glob("uv-*.whl"), None) if process.returncode == 0 else None


def _by_hand(folder: Path) -> Path:
    """Download the wheel from PyPI and check its hash. Raises SetupError."""
    version, hashes = locked("uv")
    listing = PYPI.format(version=version)
    try:
        with urllib.request.urlopen(listing, timeout=30) as answer:
            files = json.load(answer)["urls"]
        file = next(file for file in files if _suits(file["filename"]))
        # Mirrors give addresses that are relative to the listing's own.
        with urllib.request.urlopen(urllib.parse.urljoin(listing, file["url"]), timeout=120) as answer:
            content = answer.read()
    except (OSError, ValueError, StopIteration) as error:
        raise SetupError(
            f"uv could not be downloaded from PyPI ({error!r}): install uv yourself "
            "(https://docs.astral.sh/uv/), put it on PATH and repeat the command"
        ) from error
    if hashlib.sha256(content).hexdigest() not in hashes:
        raise SetupError(
            f"{file['filename']} came with another hash than {LOCKED / 'uv.txt'} has for uv {version}, so it is not "
            "used: repeat the command, or install uv yourself (https://docs.astral.sh/uv/)"
        )
    wheel = folder / str(file["filename"])
    wheel.write_bytes(content)
    return wheel


def _suits(filename: str) -> bool:
    machine = platform.machine()
    if not filename.endswith(".whl") or machine not in filename:
        return False
    if sys.platform == "darwin":
        return "macosx" in filename
    return ("manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux") in filename


def sync(uv: Path) -> None:
    """Bring the checkout's environment in line with `uv.lock`; takes milliseconds if it is. Raises SetupError."""
    if VENV is None:
        return  # whoever installed trainup made its environment
    first = not PYTHON.exists()
    if first:
        say("Python environment …")
        shutil.rmtree(VENV, ignore_errors=True)  # uv does not repair one that is incomplete or lost its Python
    process = subprocess.run(
        [uv, "sync", "--locked", "--quiet", "--python", sys.executable],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=tools.variables(os.environ) | {"UV_PYTHON_DOWNLOADS": "never"},
    )
    if process.returncode:
        raise SetupError(f"`uv sync --locked` failed:\n{process.stderr.strip()}")
    if first:
        say("Python environment: done")
