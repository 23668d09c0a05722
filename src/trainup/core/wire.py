"""Between the engine's Struct messages and Python values, unknown, secret and not-a-number values included."""

import math
from typing import Any

from google.protobuf import struct_pb2

from trainup.core.numbers import to_plain
from trainup.core.values import UNKNOWN, UNKNOWN_TEXT, UNKNOWN_TEXTS, Secret, Unknown

MESSAGES_OF_ANY_LENGTH = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
"""Options of servers and channels; gRPC refuses messages over 4 MiB by itself."""
CHANNEL = (*MESSAGES_OF_ANY_LENGTH, ("grpc.use_local_subchannel_pool", 1))
"""Options of channels. By default all channels of a process share their connections to an address: a new channel to a
server that got the port of an ended one would fail as long as the old connection waits before its next try."""
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A message's properties as Python values: whole numbers as int, unknown and secret values as such."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_TEXTS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if math.isfinite(number) and number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_struct(value.struct_value)
    return None


def _decode_struct(struct: struct_pb2.Struct) -> Any:
    signature = struct.fields[SIGNATURE].string_value if SIGNATURE in struct.fields else None
    if signature == SECRET:
        return Secret(_decode(struct.fields["value"]))
    if signature == OUTPUT_VALUE:
        inner = _decode(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
        return Secret(inner) if "secret" in struct.fields and struct.fields["secret"].bool_value else inner
    return decode(struct)


def encode(values: dict[str, Any]) -> struct_pb2.Struct:
    """The message form. NaN and infinities travel as text: a Struct with them cannot be read back as JSON."""
    result = struct_pb2.Struct()
    for key, value in values.items():
        _encode(value, result.fields[sendable(key)])
    return result


def sendable(value: str) -> str:
    """The text as UTF-8 can hold it: a message with half a character would be refused as a whole."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _encode(value: Any, into: struct_pb2.Value) -> None:
    value = to_plain(value) if isinstance(value, float) else value
    if value is None:
        into.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, Unknown):
        into.string_value = UNKNOWN_TEXT
    elif isinstance(value, Secret):
        into.struct_value.fields[SIGNATURE].string_value = SECRET
        _encode(value.value, into.struct_value.fields["value"])
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, (int, float)):
        into.number_value = value
    elif isinstance(value, str):
        into.string_value = sendable(value)
    elif isinstance(value, dict):
        into.struct_value.CopyFrom(encode(value))
    elif isinstance(value, (list, tuple)):
        into.list_value.SetInParent()
        for item in value:
            _encode(item, into.list_value.values.add())
    else:
        raise TypeError(f"{type(value).__name__} cannot travel to the engine")
