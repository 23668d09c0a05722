"""Files that cannot be sent: their names for messages, and the sentences about them."""

import re
import stat

MOST_CHARACTERS_OF_A_PATH = 1_024
# Control characters, the backslash, what XML cannot list, and a final dot: Azure's blob storage has no such names.
_UNPORTABLE = re.compile("[\x00-\x1f\x7f\\\\\ufffe\uffff]|\\.(?:/|$)")


class NotFetched(OSError):
    """A file is only the pointer that Git LFS keeps in the place of its content."""


LFS_MARK, MOST_BYTES_OF_A_POINTER = b"version https://git-lfs.github.com/spec/v1\n", 1024


def check_fetched(content: bytes) -> None:
    """Raise NotFetched for a pointer of Git LFS."""
    if len(content) < MOST_BYTES_OF_A_POINTER and content.startswith(LFS_MARK):
        raise NotFetched("it is a pointer of Git LFS")


def unreadable(shown: str, error: OSError) -> str:
    """The finding about a file or folder that the user may not read, or whose content is not there."""
    if isinstance(error, NotFetched):
        return (
            f"{shown} is only a pointer that Git LFS keeps in the place of the file: `git lfs pull` brings the content"
        )
    return f"{shown} cannot be read ({error.strerror}): change its permissions, or add it to .gitignore"


def printable(path: bytes) -> str:
    """A path for messages, whatever its bytes are."""
    text = path.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def unportable(path: bytes) -> str | None:
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return "has a name that is not UTF-8 text"
    if _UNPORTABLE.search(text):
        return "has a control character, a backslash or a final dot in a name, which Azure's blob storage cannot hold"
    if len(text) > MOST_CHARACTERS_OF_A_PATH:
        return f"has a path of {len(text)} characters, and Azure's blob storage holds {MOST_CHARACTERS_OF_A_PATH}"
    return None


def kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "named pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"
