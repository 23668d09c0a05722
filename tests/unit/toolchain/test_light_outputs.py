"""Resources get the same outputs, URNs and places as from the SDK, for less work."""

import asyncio
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pytest
from pulumi._utils import ContextProperty
from pulumi.output import Unknown, _OutputData
from pulumi.runtime import resource, rpc, stack
from pulumi.runtime.settings import SETTINGS

from trainup.toolchain import paths

REPLACED = {
    rpc: ("transfer_properties", "contains_unknowns", "serialize_property"),
    resource: ("serialize_property", "create_urn", "_get_stack_trace"),
    stack: ("massage",),
    pulumi.Output: ("_track",),
    ContextProperty: ("__get__",),
}


def host(program: Callable[[], Any]) -> Any:
    """The function of a language host that runs a program."""
    return program()


@pytest.fixture
def light_outputs(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("light_outputs", Path(paths.SOURCES, "language", "light_outputs.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for owner, names in REPLACED.items():
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(SETTINGS, "outputs", set())
    yield module
    SETTINGS.outputs.clear()


def test_everything_that_is_replaced_takes_the_same_arguments(light_outputs: ModuleType) -> None:
    before = {(owner, name): getattr(owner, name) for owner, names in REPLACED.items() for name in names}
    light_outputs.install(host.__code__)
    for (owner, name), former in before.items():
        assert getattr(owner, name) is not former, name
    for name in ("transfer_properties", "contains_unknowns"):
        former, now = inspect.signature(before[rpc, name]), inspect.signature(getattr(rpc, name))
        assert len(former.parameters) == len(now.parameters), name


def test_another_version_of_the_sdk_is_left_as_it_is(
    light_outputs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {(owner, name): getattr(owner, name) for owner, names in REPLACED.items() for name in names}
    monkeypatch.setattr(light_outputs, "COMPARED", "3.1.0")
    light_outputs.install(host.__code__)
    assert {(owner, name): getattr(owner, name) for owner, name in before} == before


class Thing(pulumi.Resource):
    def __init__(self) -> None:
        self._name = "thing"


async def outcome(transfer: Callable[..., dict[str, Any]], *answer: Any) -> tuple[Any, ...]:
    thing = Thing()
    resolvers = transfer(thing, {"urn": None, "id": None, "name": "x"}, True)
    assert [*resolvers] == ["name"]
    output = thing.name  # type: ignore[attr-defined]
    resolvers["name"](*answer)
    try:
        data = await output._data
    except Exception as error:
        return (repr(error),)
    await asyncio.sleep(0)
    assert not SETTINGS.outputs
    return data.value, data.is_known, data.is_secret, {type(one) for one in data.resources}


@pytest.mark.parametrize(
    "answer",
    [
        ("x", True, False, None, None),
        ("x", True, True, {Thing()}, None),
        (None, False, False, None, None),
        ({"a": [Unknown()]}, True, False, set(), None),
        (None, False, False, None, ValueError("it failed")),
    ],
)
def test_an_output_tells_what_the_sdks_own_tells(light_outputs: ModuleType, answer: tuple[Any, ...]) -> None:
    theirs = asyncio.run(outcome(rpc.transfer_properties, *answer))
    light_outputs.install(host.__code__)
    assert asyncio.run(outcome(rpc.transfer_properties, *answer)) == theirs


class Text(str):
    __slots__ = ()


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "unknown"),
    [
        ("text", False),
        (None, False),
        (Unknown(), True),
        ({"a": [1, {"b": Unknown()}]}, True),
        ([[], {}, Text("a")], False),
        ((Unknown(),), False),  # as the SDK has it
        (LOOP, False),
    ],
)
def test_unknown_parts_are_found_wherever_they_are(light_outputs: ModuleType, value: Any, unknown: bool) -> None:
    assert rpc.contains_unknowns(value) is unknown
    assert light_outputs.contains_unknowns(value) is unknown


@pytest.mark.parametrize("value", ["text", 1, 1.5, True, None, [1, "a"], {"a": {"b": None}}, Text("a"), Unknown()])
def test_values_are_sent_as_by_the_sdk(light_outputs: ModuleType, value: Any) -> None:
    async def sent(**options: Any) -> Any:
        return await rpc.serialize_property(value, [], "key", **options)

    theirs, message = asyncio.run(sent()), asyncio.run(sent(return_protobuf_value=True))
    light_outputs.install(host.__code__)
    assert asyncio.run(sent()) == theirs
    assert asyncio.run(sent(return_protobuf_value=True)) == message


THINGS = [Thing(), Thing()]


def resolved(value: Any, *, known: bool = True, secret: bool = False, thing: int = 0) -> pulumi.Output[Any]:
    data: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    data.set_result(_OutputData({THINGS[thing]}, value, known, secret))
    return pulumi.Output._from_data(data)


def failed(message: str) -> pulumi.Output[Any]:
    data: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    data.set_exception(ValueError(message))
    return pulumi.Output._from_data(data)


OUTPUTS: dict[str, Callable[[], pulumi.Output[Any]]] = {
    "a text": lambda: resolved("text"),
    "nothing": lambda: resolved(None),
    "a map": lambda: resolved({"a": [1, {"b": None}], "c": ()}),
    "a secret": lambda: resolved("text", secret=True),
    "an unknown value": lambda: resolved(None, known=False),
    "an unknown secret": lambda: resolved(None, known=False, secret=True),
    "an unknown part": lambda: resolved({"a": Unknown()}),
    "an output in an output": lambda: resolved(resolved("text", secret=True, thing=1)),
    "outputs in a map": lambda: resolved({"a": resolved("text", thing=1), "b": "plain"}),
    "a failure": lambda: failed("it failed"),
    "a failure in an output": lambda: resolved(failed("it failed")),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_an_output_is_exported_as_by_the_sdk(light_outputs: ModuleType, case: str) -> None:
    async def exported() -> Any:
        output = stack.massage({"name": OUTPUTS[case]()}, [])["name"]
        try:
            data = await output._data
        except ValueError as error:
            return repr(error)
        sent, deps = await rpc.serialize_property(data.value, [], "key"), data.resources
        return sent, deps, data.is_known, data.is_secret

    theirs = asyncio.run(exported())
    light_outputs.install(host.__code__)
    assert asyncio.run(exported()) == theirs


@pytest.mark.parametrize("keep_output_values", [False, True])
@pytest.mark.parametrize("case", OUTPUTS)
def test_an_output_is_sent_as_by_the_sdk(
    light_outputs: ModuleType, case: str, keep_output_values: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "_expand_dependencies", nothing)
    for thing in THINGS:
        monkeypatch.setitem(thing.__dict__, "urn", "urn")

    async def sent() -> Any:
        found: list[Any] = []
        rest = (found, "key", None, None, None, keep_output_values, False)
        try:
            return await rpc.serialize_property(OUTPUTS[case](), *rest), set(found)
        except ValueError as error:
            return repr(error)

    theirs = asyncio.run(sent())
    light_outputs.install(host.__code__)
    assert asyncio.run(sent()) == theirs


async def nothing(*_: Any) -> dict[str, Any]:
    return {}


def test_a_urn_is_made_from_that_of_the_parent(light_outputs: ModuleType) -> None:
    async def urn() -> Any:
        parent = "urn:pulumi:dev::project::a:b:Parent::parent"
        return await resource.create_urn("name", "a:b:Child", parent).future()

    theirs = asyncio.run(urn())
    light_outputs.install(host.__code__)
    assert asyncio.run(urn()) == theirs == "urn:pulumi:dev::project::a:b:Parent$a:b:Child::name"


class Base:
    def __init__(self) -> None:
        self.trace = resource._get_stack_trace()


class Middle(Base):
    def __init__(self) -> None:
        super().__init__()


class Kind(Middle):
    def __init__(self) -> None:
        super().__init__()


def test_a_resources_place_is_that_of_the_sdk_without_the_frames_of_the_host(light_outputs: ModuleType) -> None:
    theirs, ours = [], []
    for traces in (theirs, ours):
        traces.append(host(lambda: Kind().trace))
        light_outputs.install(host.__code__)
    frames = ours[0].frames
    assert len(frames) == 1
    assert frames[0].pc == theirs[0].frames[0].pc
    assert frames[0].pc.uri == Path(__file__).as_uri()


def test_settings_of_a_context_are_read_as_before(light_outputs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    light_outputs.install(host.__code__)
    monkeypatch.setattr(SETTINGS, "project", "mine")
    assert SETTINGS.project == "mine"
    assert isinstance(type(SETTINGS).project, ContextProperty)
    assert SETTINGS.outputs == set()
