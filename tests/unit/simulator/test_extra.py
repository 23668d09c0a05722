"""Azure on this machine is an extra: a trainup without it says in a sentence what to install."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from trainup.simulator import extra

REPOSITORY = Path(__file__).parents[3]
INSTALL = "pip install 'trainup[rehearsal]'"


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return content


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+(\[\w+\])?", line)[0] for line in requirements}  # type: ignore[index]


@pytest.mark.parametrize("module", ["trainup.simulator", "trainup.simulator.rehearse"])
@pytest.mark.parametrize("missing", extra.PACKAGES)
def test_who_lacks_a_package_is_told_the_extra(module: str, missing: str) -> None:
    without = f"import runpy, sys; sys.modules[{missing!r}] = None; runpy.run_module({module!r}, run_name='__main__')"
    answer = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, timeout=120)
    assert answer.returncode == 1
    assert answer.stdout == ""
    (line,) = answer.stderr.splitlines()
    assert line.endswith(f"Azure on this machine needs more packages ({missing}): {INSTALL}")


def test_the_extra_includes_that_of_azure_and_no_wheel_needs_it(project: dict[str, Any]) -> None:
    extras = project["optional-dependencies"]
    assert "trainup[azure]" in names(extras["rehearsal"])
    assert "trustme" in names(extras["rehearsal"])
    assert not names(project["dependencies"]) & {"trustme", *names(extras["azure"])}


def test_the_check_passes_where_the_extra_is_installed() -> None:
    extra.check()
