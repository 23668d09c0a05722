"""The language host sends the SDK's debug messages without waiting, and lets none of the others go so."""

import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pulumi import log
from pulumi.runtime.settings import SETTINGS

from toolchain import paths


class Engine:
    """Hears messages at once, and says that they have arrived when it is told to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.arrived: list[Callable[[Any], None]] = []
        self.Log = self

    def future(self, request: Any) -> Any:
        self.heard.append(request.message)
        return SimpleNamespace(add_done_callback=self.arrived.append)

    def __call__(self, request: Any) -> None:
        self.heard.append(f"waited for {request.message}")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(SETTINGS, "engine", engine)
    return engine


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(log, "debug", log.debug)
    spec = importlib.util.spec_from_file_location("messages", Path(paths.SOURCES, "language", "messages.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install()
    return module


def test_a_debug_message_is_sent_and_not_waited_for(engine: Engine, messages: ModuleType) -> None:
    log.debug("registering")
    log.info("hello")
    assert engine.heard == ["registering", "waited for hello"]


def test_messages_do_not_pile_up(engine: Engine, messages: ModuleType) -> None:
    for number in range(messages.MOST_ON_THEIR_WAY):
        log.debug(str(number))
    waiting = threading.Thread(target=log.debug, args=("one more",))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    engine.arrived[0](None)
    waiting.join()
    assert engine.heard[-1] == "one more"


def test_without_an_engine_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, messages: ModuleType) -> None:
    monkeypatch.setattr(SETTINGS, "engine", None)
    log.debug("registering")
