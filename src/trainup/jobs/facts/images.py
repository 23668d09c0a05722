"""Why an image is built again: its files, its Dockerfile, its packages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainup.core import package_lists
from trainup.core.values import Unknown
from trainup.jobs.facts import files, lines
from trainup.jobs.facts.why import Reason, map_changes
from trainup.jobs.facts.wording import from_to, listed

MOST_NAMED = 6
DOCKERFILE = "(Dockerfile)"
"""The Dockerfile in the manifest of a build context; it may lie elsewhere."""
COMPUTED = frozenset({"digest", "manifest", "packages", "reference", "allow_secrets", "dockerfile", "context"})
IN_PLACE = frozenset({"timeout", "on_interrupt", "cloud", "username", "password"})
SECRET = frozenset({"username", "password"})


def reasons(
    before: Mapping[str, Any], now: Mapping[str, Any], requirements: Sequence[Sequence[str] | None]
) -> list[Reason]:
    """The differences between the inputs of an image; `requirements` are the lines before and now, where known."""
    result = [Reason("packages", text) for text in _packages(before, now, requirements)]
    result += [Reason("context", text) for text in _files(before, now)]
    for key in sorted((before.keys() | now.keys()) - COMPUTED):
        old, new = before.get(key), now.get(key)
        if old == new or (not old and not new) or (key == "requirements" and result):
            continue
        if key in SECRET:
            text = f"{key} changed"
        elif key == "dockerfile_text":
            text = f"Dockerfile changed ({lines.compare(str(old or '').encode(), str(new or '').encode(), key).counts})"
        elif isinstance(old, dict) or isinstance(new, dict):
            text = f"{key}: {listed(map_changes(key, old or {}, new or {}), MOST_NAMED)}"
        else:
            text = f"{key}: {from_to(old, new)}"
        result.append(Reason(key, text, key in IN_PLACE))
    return result


def _packages(
    before: Mapping[str, Any], now: Mapping[str, Any], requirements: Sequence[Sequence[str] | None]
) -> Iterator[str]:
    old, new = requirements
    if old is not None and new is not None and (text := package_lists.summary(old, new)):
        yield text
    former, current = before.get("packages"), now.get("packages")
    if isinstance(former, dict) and isinstance(current, dict):
        for file in sorted(former.keys() & current.keys()):
            if text := package_lists.summary(former[file], current[file]):
                yield f"{file}: {text}"


def _files(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    old, new = before.get("manifest"), now.get("manifest")
    if not isinstance(old, dict) or not isinstance(new, dict):
        if isinstance(new, Unknown):
            yield "its files are known later"
        return
    has_text = before.get("dockerfile_text") or now.get("dockerfile_text")
    if old.get(DOCKERFILE) != new.get(DOCKERFILE) and not has_text:
        yield "Dockerfile changed"
    dockerfile = str(now.get("dockerfile") or "Dockerfile").rpartition("/")[2]
    changes = files.compare(without_dockerfile(old), without_dockerfile(new))
    texts = [change.text for change in changes if (change.path, change.kind) != (dockerfile, "changed")]
    yield from texts[:MOST_NAMED]
    if len(texts) > MOST_NAMED:
        yield f"and {len(texts) - MOST_NAMED:,} more files of its context"


def without_dockerfile(manifest: Mapping[str, str]) -> dict[str, str]:
    """The files of a build context."""
    return {path: entry for path, entry in manifest.items() if path != DOCKERFILE}
