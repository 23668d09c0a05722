"""The owners of a part of the workspace: stacks may share it, and the last owner's delete removes it.

A resource that is created again takes over under a new token, so the late delete of its predecessor takes nothing.
"""

from collections.abc import Callable
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
            others = {key: token for key, token in self._all().items() if token != owner.token}
            write_json(self.path, {"owners": {**others, _key(owner): owner.token}})

    def leave(self, owner: Owner) -> bool:
        """Strike the resource off, if the token is still its own; whether it was the last one."""
        return self._strike_off(lambda key, token: token == owner.token)

    def forget(self, stack: Owner) -> bool:
        """Strike off every resource of an owner's stack, under whatever token; whether those were the last ones."""
        start, end = "::".join([*stack.urn.split("::")[:2], ""]), f" of {stack.project}"
        return self._strike_off(lambda key, token: key.startswith(start) and key.endswith(end))

    def _strike_off(self, is_one: Callable[[str, str], bool]) -> bool:
        """Strike off the owners of which this holds, by key and token; whether there were some, and no others."""
        with self._lock():
            before = self._all()
            remaining = {key: token for key, token in before.items() if not is_one(key, token)}
            if remaining == before:
                return False
            write_json(self.path, {"owners": remaining})
            return not remaining

    def is_last(self, owner: Owner) -> bool:
        """Whether the part belongs to this resource, under this token, and to nobody else."""
        return list(self._all().values()) == [owner.token]

    def has(self, owner: Owner) -> bool:
        """Whether the resource is among the owners, under whatever token."""
        return _key(owner) in self._all()

    def others(self, owner: Owner) -> list[str]:
        """Everybody else, as `URN of FOLDER`. The same token elsewhere is the same resource, moved or renamed."""
        return sorted(key for key, token in self._all().items() if key != _key(owner) and token != owner.token)

    @property
    def is_empty(self) -> bool:
        """Whether nobody needs the part."""
        return not self._all()

    def _all(self) -> dict[str, str]:
        return dict((read_json(self.path) or {}).get("owners", {}))

    def _lock(self) -> Lock:
        return Lock(self.path.with_suffix(".lock"))


def _key(owner: Owner) -> str:
    return f"{owner.urn} of {owner.project}"
