"""Texts of the user's as bytes: whatever an editor made of them is read, and whatever a program printed is shown."""

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
"""How a file begins whose editor wrote down its encoding."""
WAY_OUT = "save it as UTF-8"


def wide(data: bytes) -> str | None:
    """Why a file cannot be used that other programs read as UTF-8 (git, Docker), or None."""
    mark = next((mark for mark in MARKS if data.startswith(mark)), codecs.BOM_UTF8)
    return None if mark == codecs.BOM_UTF8 else f"it is a text in {MARKS[mark].upper()}, which is not read: {WAY_OUT}"


def decode(data: bytes) -> str:
    """The text of a file, in UTF-8 or in what its first bytes name, its lines ending in a newline as anywhere here.

    ValueError where it is no text, with the place and the way out.
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
    """Let standard output and error take any text: what their encoding lacks, as in a terminal that knows ASCII alone,
    and half characters of odd file names, are shown as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
