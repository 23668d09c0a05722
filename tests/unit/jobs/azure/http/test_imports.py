"""Threads can import the Azure SDKs in any order: no deadlock between the locks of a package and of its parts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[5] / "src"

EAGER = sorted(
    ".".join(file.relative_to(SOURCES).with_suffix("").parts)
    for file in (SOURCES / "trainup" / "jobs" / "azure").rglob("*.py")
    if re.search(r"^(from|import) azure\.", file.read_text(), re.MULTILINE)
)
"""The modules that import the SDKs as soon as they are imported, which any thread may do first."""

WATCH = """
import builtins, importlib, sys

import_it, early = builtins.__import__, []

def watch(name, globals=None, locals=None, fromlist=(), level=0):
    package = "azure.core"
    if level == 0 and name.startswith(package + ".") and package not in sys.modules:
        early.append(name)
    return import_it(name, globals, locals, fromlist, level)

builtins.__import__ = watch
"""


@pytest.mark.parametrize("start", [f"importlib.import_module({name!r})" for name in EAGER])
def test_a_module_imports_the_whole_sdk_before_its_parts(start: str) -> None:
    assert imported_early(start) == ""


def test_connecting_imports_the_whole_sdk_before_its_parts() -> None:
    assert imported_early("from trainup.jobs.azure.http.connection import connect; connect()") == ""


def imported_early(start: str) -> str:
    """The parts of azure.core that were asked for while nothing had asked for azure.core, which imports them itself."""
    code = f"{WATCH}\n{start}\nprint(*early)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
