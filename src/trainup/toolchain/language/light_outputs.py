"""Makes the outputs of resources cost less: each run of a stack has some fifty of them (pulumi 3.272).

For each property of a resource the SDK makes four futures and a task that waits for them; one future is enough, as the
SDK itself does it for ids. It also searches plain values for unknown parts again and again, makes seven outputs for a
URN that no engine asks for, and reads the sources to tell where each resource was declared, down to the frames of this
language host.
"""

import asyncio
import functools
import sys
from collections.abc import Awaitable, Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pulumi
from pulumi._utils import ContextProperty
from pulumi.output import Output, _OutputData
from pulumi.runtime import known_types, resource, rpc, stack
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.settings import SETTINGS

COMPARED = "3.272.0"
"""The version of the SDK whose functions the tests compare with these."""
PLAIN = frozenset({str, int, float, bool, type(None)})
"""Types of values that are sent as they are, and hold nothing else."""
CONSTRUCTORS = 3
"""`__init__` of Resource, of CustomResource or ComponentResource, and of the kind of resource."""

KEEPS_OUTPUT_VALUES = 4
"""The place of `keep_output_values` among the arguments of `serialize_property` after the first two."""

_massage = stack.massage
_serialize = rpc.serialize_property
_create_urn = resource.create_urn
_code_of_host: CodeType | None = None


def transfer_properties(res: Any, props: Iterable[str], custom: bool) -> dict[str, Any]:
    """Replaces the SDK's function: gives a resource an Output for each property, and returns what resolves them."""
    resolvers: dict[str, Any] = {}
    for name in props:
        if name != "urn" and not (name == "id" and custom):  # the SDK makes these itself
            data: asyncio.Future[Any] = asyncio.Future()
            resolvers[name] = functools.partial(_resolve, res, data)
            # Not tracked: the program waits for the registration, which resolves it, and reports its error.
            output = res.__dict__[name] = object.__new__(Output)
            output._data = data
    return resolvers


def _resolve(
    res: Any,
    data: "asyncio.Future[Any]",
    value: Any,
    is_known: bool,
    is_secret: bool,
    deps: Iterable[Any] | None,
    failed: Exception | None,
) -> None:
    if failed is not None:
        data.set_exception(failed)
    else:
        data.set_result(_OutputData({*(deps or ()), res}, value, is_known, is_secret))


def _setting(self: Any, owner: Any, _: Any) -> Any:
    """Replaces the SDK's method: a setting of this context, looked up once and not twice."""
    value = self.fget()
    return self if owner is None or isinstance(value, dict) else value


def _track(self: Any) -> None:
    """Replaces the SDK's method: notes an output until it has a value. Asks for the context's settings only once."""
    lock, outputs = SETTINGS.lock, SETTINGS.outputs

    def forget(data: "asyncio.Future[Any]") -> None:
        if not data.cancelled() and data.exception() is None:  # others are reported at the end of the program
            with lock:
                outputs.discard(data)

    with lock:
        outputs.add(self._data)
    self._data.add_done_callback(forget)


def contains_unknowns(value: Any) -> bool:
    """Replaces the SDK's function: whether a value, or one in its dicts and lists, is unknown."""
    if type(value) in PLAIN:
        return False
    return _contains_unknowns(value, set())


def _contains_unknowns(value: Any, seen: set[int]) -> bool:
    if type(value) in PLAIN:
        return False
    if known_types.is_unknown(value):
        return True
    if not isinstance(value, (dict, list)) or id(value) in seen:
        return False
    seen.add(id(value))
    return any(_contains_unknowns(item, seen) for item in (value.values() if isinstance(value, dict) else value))


def massage(value: Any, seen: list[Any]) -> Any:
    """Replaces the SDK's function: what is exported as plain values; an output gets no task of its own."""
    if type(value) in PLAIN:
        return value
    if type(value) is not Output:
        return _massage(value, seen)
    value._untrack()  # what follows carries its error
    data: asyncio.Future[Any] = asyncio.Future()
    value._data.add_done_callback(functools.partial(_massage_data, data, seen))
    return Output._from_data(data)


def _massage_data(data: "asyncio.Future[Any]", seen: list[Any], done: "asyncio.Future[Any]") -> None:
    if data.done():
        return
    if done.cancelled():
        data.cancel()
        return
    try:
        former = done.result()
        value = massage(former.value, seen) if former.is_known else None
    except Exception as error:
        data.set_exception(error)
        return
    if isinstance(value, Output):  # an output may have another one as its value
        value._data.add_done_callback(functools.partial(_join, data, former))
    else:
        data.set_result(_OutputData(former.resources, value, former.is_known, former.is_secret))


def _join(data: "asyncio.Future[Any]", outer: Any, done: "asyncio.Future[Any]") -> None:
    try:
        inner = done.result()
    except Exception as error:
        data.set_exception(error)
    else:
        resources, is_secret = outer.resources | inner.resources, outer.is_secret or inner.is_secret
        data.set_result(_OutputData(resources, inner.value, inner.is_known, is_secret))


class _Ready:
    """A value that is awaited without a task or a coroutine."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Any:
        return self._value
        yield  # what makes this a generator


def serialize_property(value: Any, *args: Any, **options: Any) -> Awaitable[Any]:
    """Replaces the SDK's function: plain values, which are most, are returned as they are."""
    if options.get("return_protobuf_value"):
        return _serialize(value, *args, **options)
    if type(value) in PLAIN:
        return _Ready(value)
    if type(value) is Output and value._data.done() and not value._data.cancelled():
        return _serialize_output(value, *args, **options)
    return _serialize(value, *args, **options)


def _serialize_output(output: Any, deps: Any = None, *args: Any, **options: Any) -> Awaitable[Any]:
    """The value of an output that has one, where that is plain, known and no secret."""
    keeps_output_values = options.get("keep_output_values") or any(args[KEEPS_OUTPUT_VALUES:][:1])
    if keeps_output_values or output._data.exception() is not None:
        return _serialize(output, deps, *args, **options)
    data = output._data.result()
    if not data.is_known or data.is_secret or type(data.value) not in PLAIN:
        return _serialize(output, deps, *args, **options)
    if deps is not None:
        deps.extend(data.resources)
    return _Ready(data.value)


def create_urn(name: Any, kind: Any, parent: Any = None, *rest: Any) -> Any:
    """Replaces the SDK's function: the URN of a resource from that of its parent, without outputs in between."""
    if rest or not (isinstance(name, str) and isinstance(kind, str) and isinstance(parent, str)):
        return _create_urn(name, kind, parent, *rest)
    return Output.from_input(f"{parent[: parent.rfind('::')]}${kind}::{name}")


def stack_trace() -> source_pb2.StackTrace:
    """Replaces the SDK's function: the frames that declare a resource, from the innermost to that of the program."""
    frame: FrameType | None = sys._getframe(1)
    constructors = 0
    while frame:
        constructors += frame.f_code.co_name == "__init__"
        if constructors == CONSTRUCTORS:
            break
        frame = frame.f_back
    places: list[tuple[str, int]] = []
    while frame and (frame := frame.f_back) and frame.f_code is not _code_of_host:
        places.append((frame.f_code.co_filename, frame.f_lineno))
    return _trace(tuple(places))


@functools.cache
def _trace(places: tuple[tuple[str, int], ...]) -> source_pb2.StackTrace:
    return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=_position(*place)) for place in places])


def _position(file: str, line: int) -> source_pb2.SourcePosition | None:
    """A place as the SDK writes it; None for code that is in no file."""
    try:
        return source_pb2.SourcePosition(uri=Path(file).as_uri(), line=line)
    except ValueError:  # `<frozen runpy>`
        return None


def _version() -> str:
    """The version of the SDK, by the name of the folder that installers leave beside it: `importlib` takes 20 ms."""
    folders = Path(pulumi.__file__).parents[1].glob("pulumi-*.dist-info")
    return next((folder.name.removeprefix("pulumi-").removesuffix(".dist-info") for folder in folders), "")


def install(host: CodeType) -> None:
    """Make the SDK use these functions. `host`: the function that runs the program, where its frames end.

    Another version of the SDK is left as it is: what is replaced are its private functions, which may differ there.
    """
    global _code_of_host
    if _version() != COMPARED:
        return
    _code_of_host = host
    for owner, name, replacement in (
        (ContextProperty, "__get__", _setting),  # every output reads several settings
        (Output, "_track", _track),
        (rpc, "transfer_properties", transfer_properties),
        (rpc, "contains_unknowns", contains_unknowns),
        (rpc, "serialize_property", serialize_property),
        (resource, "serialize_property", serialize_property),
        (resource, "create_urn", create_urn),
        (stack, "massage", massage),
        (resource, "_get_stack_trace", stack_trace),
    ):
        setattr(owner, name, replacement)
