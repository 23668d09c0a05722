"""What git says of a project when one of its runs starts."""

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from trainup.core.likely_secrets import search


@dataclass(frozen=True)
class GitState:
    """The commit that was checked out, and whether the files differed from it."""

    commit: str = ""
    """The full hash; empty where there is no commit yet, or no repository."""
    branch: str = ""
    """Empty where none is checked out."""
    repository: str = ""
    """Address of the remote repository, without credentials."""
    dirty: bool | None = None
    """Whether files of the project were changed or untracked; None where that is unknown."""

    def __bool__(self) -> bool:
        return bool(self.commit)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; what is unknown is left out."""
        facts = {"commit": self.commit, "branch": self.branch, "repository": self.repository}
        known: dict[str, Any] = {name: value for name, value in facts.items() if value}
        return known | ({} if self.dirty is None else {"dirty": self.dirty})

    @classmethod
    def from_dict(cls, facts: Any) -> Self:
        """Read back what `to_dict` wrote; what is damaged is unknown, since nothing depends on it."""
        if not isinstance(facts, Mapping):
            return cls()
        texts = {name: str(facts[name]) for name in ("commit", "branch", "repository") if name in facts}
        dirty = facts.get("dirty")
        return cls(**texts, dirty=dirty if isinstance(dirty, bool) else None)


def without_credentials(address: str) -> str:
    """The address of a remote repository without user, password and token; empty where one may be left."""
    parts = urllib.parse.urlsplit(address)
    if not parts.scheme or not parts.netloc:
        clean = address  # `git@github.com:owner/name`, or a path
    else:
        clean = urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    likely = any(True for _ in search(clean.encode(), "address"))
    return "" if likely or "@" in clean.partition("/")[2] else clean
