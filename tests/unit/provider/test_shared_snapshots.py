"""A source that many runs share is not read again for each of them."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainup.jobs import snapshot
from trainup.provider import run_source
from trainup.provider.handler import Context
from trainup.provider.run import RunHandler


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("print(1)\n")
    return Context("urn", tmp_path, threading.Event())


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The sources of which a snapshot was taken."""
    sources: list[Path] = []
    take = snapshot.take

    def noting(source: Path, **options: Any) -> snapshot.Snapshot:
        sources.append(source)
        return take(source, **options)

    monkeypatch.setattr(snapshot, "take", noting)
    return sources


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still."""
    now = [100.0]
    monkeypatch.setattr(run_source.time, "monotonic", lambda: now[0])
    return now


def digest(handler: RunHandler, context: Context, run: str, **more: object) -> str:
    inputs = {"run": run, "target": "local", "workspace": "ws", "source": "code", "script": "main.py", **more}
    checked, findings = handler.check(replace(context, urn=f"urn:{run}"), inputs)
    assert not findings
    return str(checked["snapshot_digest"])


def test_runs_that_are_checked_together_share_the_snapshot(
    context: Context, taken: list[Path], now: list[float]
) -> None:
    handler = RunHandler()
    digests = {digest(handler, context, f"run-{number}") for number in range(50)}
    assert (len(digests), len(taken)) == (1, 1)
    digest(handler, context, "other", allow_secrets=["main.py"])
    assert len(taken) == 2, "what may be in the source is another question"
    now[0] += run_source.FRESH
    digest(handler, context, "later")
    assert len(taken) == 3


def test_a_run_that_is_checked_again_sees_what_was_edited_meanwhile(
    context: Context, taken: list[Path], now: list[float]
) -> None:
    handler = RunHandler()
    before = digest(handler, context, "a")
    (context.project / "code" / "main.py").write_text("print(2)\n")
    after = digest(handler, context, "a")
    assert after != before
    assert digest(handler, context, "b") == after


def test_a_source_with_problems_is_read_again_for_each_run(
    context: Context, taken: list[Path], now: list[float]
) -> None:
    handler = RunHandler()
    source = context.project / "code"
    (source / "main.py").rename(source.parent / "main.py")
    for run in ("a", "b"):
        inputs = {"run": run, "target": "local", "workspace": "ws", "source": "code", "script": "main.py"}
        assert handler.check(replace(context, urn=run), inputs)[1]
    (source.parent / "main.py").rename(source / "main.py")
    assert digest(handler, context, "c")
    assert len(taken) == 3
