"""Decodes text files of users in any usual encoding, and lets any text be printed."""

import codecs
import io
import sys

MARKS = {
    # UTF-32's begins like UTF-16's.
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Byte order mark → encoding."""
WAY_OUT = "save it as UTF-8"


def wide(data: bytes) -> str | None:
    """Why a file cannot be used that other programs read as UTF-8 (git, Docker), or None."""
    mark = next((mark for mark in MARKS if data.startswith(mark)), codecs.BOM_UTF8)
    return None if mark == codecs.BOM_UTF8 else f"it is a text in {MARKS[mark].upper()}, which is not read: {WAY_OUT}"


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, or in the encoding of its byte order mark, its lines ending in a line feed.

    Raises ValueError if it is no text; the message has the line and what to do.
    """
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    encoding = MARKS.get(mark, "utf-8")
    try:
        text = data.removeprefix(mark).decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"it is no text in {encoding.upper()}, from line {line} on: {WAY_OUT}") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(f"it holds a NUL character in line {line}, as no text in UTF-8 does: {WAY_OUT}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def print_whatever_comes() -> None:
    """Let standard output and error accept any text: characters that their encoding lacks, and lone surrogates of odd
    file names, are printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
