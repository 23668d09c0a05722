"""What is told where the storage of a workspace refuses what is written to it."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from trainup.jobs.azure.http.client import AzureError
from trainup.jobs.azure.http.pipeline import Patience
from trainup.jobs.azure.platform import storage
from trainup.jobs.target import TargetError

IMPATIENT: Any = SimpleNamespace(patience=Patience(longest_pause=0.0))
NO_ROLE = AzureError("no", status=403, code="AuthorizationPermissionMismatch")


def write(*answers: AzureError | str) -> tuple[str, list[str]]:
    """What a write returns whose tries end so, the last one again and again; and what was told meanwhile."""
    told: list[str] = []
    remaining = list(answers)

    def action() -> str:
        answer = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        if isinstance(answer, AzureError):
            raise answer
        return answer

    return storage.write(IMPATIENT, action, "the files", ", or wait", told.append, threading.Event()), told


def test_a_write_is_repeated_until_the_role_is_in_effect() -> None:
    done, told = write(NO_ROLE, NO_ROLE, "written")
    assert done == "written"
    assert len(told) == 2
    assert "the role on the workspace's storage" in told[0]


def test_who_has_no_role_is_told_which_one_to_ask_for_and_what_else_to_do() -> None:
    with pytest.raises(TargetError) as caught:
        write(NO_ROLE)
    assert str(caught.value) == (
        "the workspace's storage refuses the files (no): ask for the role Storage Blob Data Contributor on it, or wait"
    )


def test_another_refusal_is_raised_at_once_as_it_is() -> None:
    other = AzureError("full", status=507, code="InsufficientStorage")
    with pytest.raises(AzureError) as caught:
        write(other)
    assert caught.value is other
