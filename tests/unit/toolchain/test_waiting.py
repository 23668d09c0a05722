"""The language host waits for all that a program has begun, and for no output twice."""

import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pulumi.runtime.settings import SETTINGS

from trainup.toolchain import paths


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("waiting", Path(paths.SOURCES, "language", "waiting.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(SETTINGS, "outputs", set())
    return module


def begin(value: object, after: "list[asyncio.Future[object]] | None" = None) -> "asyncio.Future[object]":
    """An output of a program: it is there after others are, or fails with an error."""

    async def come() -> object:
        for other in after or ():
            await other
        if isinstance(value, Exception):
            raise value
        return value() if callable(value) else value

    task = asyncio.ensure_future(come())
    SETTINGS.outputs.add(task)
    return task


def test_outputs_that_beget_others_are_all_waited_for(waiting: ModuleType) -> None:
    made = []

    async def program() -> None:
        first = begin(1)
        begin(lambda: made.append(begin(lambda: made.append("last"))), [first])
        await waiting.wait_for_rpcs()
        assert made[1] == "last"

    asyncio.run(program())


def test_an_output_that_fails_is_the_programs_error(waiting: ModuleType) -> None:
    async def program() -> None:
        begin(1)
        begin(ValueError("no such thing"))
        with pytest.raises(ValueError, match="no such thing"):
            await waiting.wait_for_rpcs()

    asyncio.run(program())


def test_one_that_is_canceled_ends_the_wait_as_the_sdk_does(waiting: ModuleType) -> None:
    async def program() -> None:
        begin(1).cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting.wait_for_rpcs()

    asyncio.run(program())


def test_outputs_alone_may_be_left_to_themselves(waiting: ModuleType) -> None:
    async def program() -> None:
        task = begin(1)
        await waiting.wait_for_rpcs(await_all_outstanding_tasks=False)
        assert not task.done()
        await task

    asyncio.run(program())
