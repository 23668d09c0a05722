"""What holds for all tests."""

from typing import Any

import pytest
from hypothesis import settings

# No test is about time: a busy machine takes longer.
settings.register_profile("patient", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=10)  # for `make check`; `make test` tries a hundred
settings.load_profile("patient")

SPREAD = ("tests/engine/", "tests/azure/")
"""Where tests take long, and share nothing: each goes to whichever process is free."""
TOGETHER = (
    "test_containers.py",
    "test_docker.py",
    "test_edits.py",
    "test_howto_runs.py",
    "test_job_stack.py",
    "test_languages.py",
)
"""Modules there whose tests share a stack or an installation, which is made once, or disturb each other: a lock stays
while another container may hold it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process waits for another in the end."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[bool, bool, bool]:
    """The less, the sooner: trainings, then other tests with an engine, and those of one part last."""
    is_training = item.get_closest_marker("training") is not None
    return not is_training, not item.nodeid.startswith(SPREAD), item.nodeid.startswith("tests/unit/")


@pytest.hookimpl(optionalhook=True)  # without xdist there is one process
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Processes take what is next in the order above, as a whole where tests share something."""
    if config.getvalue("dist") != "load":
        return None  # somebody asks for another way
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            """What goes to one process: a test, those of a module, or all that train in one environment."""
            module = nodeid.partition("::")[0]
            if module.startswith(SPREAD) and not module.endswith(TOGETHER):
                return nodeid
            return "tests/training" if module.startswith("tests/training/") else module

    config.option.loadscopereorder = False
    return Scheduling(config, log)
