"""The language host does once for many resources what the SDK does for each, and nothing is lost by that."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pulumi import _types, log
from pulumi.runtime.settings import SETTINGS

from trainup.toolchain import paths


class Engine:
    """Notes the messages that it gets."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: Any) -> None:
        self.messages.append(request.message)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(SETTINGS, "engine", engine)
    return engine


@pytest.fixture
def per_resource(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for module, name in ((log, "debug"), (log, "_log"), (_types, "resource_types")):
        monkeypatch.setattr(module, name, getattr(module, name))
    spec = importlib.util.spec_from_file_location("per_resource", Path(paths.SOURCES, "language", "per_resource.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install()
    return module


def test_debug_messages_are_sent_many_at_once(engine: Engine, per_resource: ModuleType) -> None:
    for number in range(per_resource.TOGETHER + 1):
        log.debug(f"message {number}")
    assert engine.messages == ["\n".join(f"message {number}" for number in range(per_resource.TOGETHER))]
    per_resource.flush()
    per_resource.flush()
    assert engine.messages[1:] == [f"message {per_resource.TOGETHER}"]


def test_other_messages_come_after_those_that_were_told_before(engine: Engine, per_resource: ModuleType) -> None:
    log.debug("registering")
    log.info("hello")
    log.debug("registered")
    log.error("oh")
    assert engine.messages == ["registering", "hello", "registered", "oh"]


def test_without_an_engine_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, per_resource: ModuleType) -> None:
    monkeypatch.setattr(SETTINGS, "engine", None)
    log.debug("registering")
    per_resource.flush()


def test_the_types_of_a_class_are_found_out_once(per_resource: ModuleType) -> None:
    class Thing:
        name: str

    assert _types.resource_types(Thing) is _types.resource_types(Thing)
