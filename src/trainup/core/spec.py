"""What a run is: every field is either identity (in the digest) or policy (changed in place)."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from trainup.core.canonical import sha256
from trainup.core.spec_keys import SpecKeys


def _composed(default: Any = MISSING, factory: Any = MISSING) -> Any:
    """A field of the identity that is composed from several keys."""
    return field(default=default, default_factory=factory, metadata={"identity": True})


@dataclass(frozen=True, kw_only=True)
class RunSpec(SpecKeys):
    """One training run, resolved: what `digest` covers decides whether it trains again.

    Add a field only with a default: defaults are left out of the digest, so nobody retrains.
    """

    command: tuple[str, ...] = _composed()
    snapshot: str | None = _composed(None)
    """Digest of the source files."""
    secrets: tuple[str, ...] = _composed(())
    """Names of the environment variables whose values are secret; sorted."""
    inputs: Mapping[str, Mapping[str, str]] = _composed(factory=dict)
    """Name → `digest` of the content, and `path` if only a part of it is used; or a literal `value`."""
    outputs: Mapping[str, Mapping[str, str]] = _composed(factory=dict)
    """Named outputs: name → `mode` and `type`, if they are not the defaults."""
    shell: bool = _composed(False)
    """Whether the command is one text for bash."""
    conda: str | None = _composed(None)
    """Conda file, as YAML, that Azure ML installs on top of the image."""
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Services on the nodes by name: `type`, `port`, `nodes` and `properties`. They change no result."""

    def identity(self) -> dict[str, Any]:
        """The identity fields that differ from their defaults, as plain JSON values."""
        result = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.metadata.get("identity") and value != _default(item):
                result[item.name] = _plain(value)
        return result

    def digest(self) -> str:
        """SHA-256 over the canonical identity: equal digests never train twice."""
        return sha256(self.identity())


def _default(item: Any) -> Any:
    return item.default_factory() if item.default_factory is not MISSING else item.default


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


IDENTITY_FIELDS = tuple(item.name for item in fields(RunSpec) if item.metadata.get("identity"))
POLICY_FIELDS = tuple(item.name for item in fields(RunSpec) if not item.metadata.get("identity"))
