"""Whose a part of the workspace is: stacks may share it, and it goes with the last of them.

A resource that is created again takes over under a new token, so the late delete of its predecessor takes nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from trainup.jobs.local.files import Lock, read_json, write_json
from trainup.jobs.target import Owner


@dataclass(frozen=True)
class Owners:
    """The owners of one part, kept in a file."""

    path: Path

    def join(self, owner: Owner) -> None:
        """Count the resource among the owners, under its newest token."""
        with self._lock():
            write_json(self.path, {"owners": {**self._all(), _key(owner): owner.token}})

    def leave(self, owner: Owner) -> bool:
        """Strike the resource off, if the token is still its own; whether it was the last one."""
        with self._lock():
            left = self._all()
            if left.get(_key(owner)) != owner.token:
                return False
            del left[_key(owner)]
            write_json(self.path, {"owners": left})
            return not left

    def others(self, owner: Owner) -> list[str]:
        """Everybody else, as `URN of FOLDER`."""
        return sorted(key for key in self._all() if key != _key(owner))

    @property
    def is_empty(self) -> bool:
        """Whether nobody needs the part."""
        return not self._all()

    def _all(self) -> dict[str, str]:
        return dict((read_json(self.path) or {}).get("owners", {}))

    def _lock(self) -> Lock:
        return Lock(self.path.with_suffix(".lock"))


def _key(owner: Owner) -> str:
    return f"{owner.urn} of {owner.place}"
